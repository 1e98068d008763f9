// All entries of the stage as a table: to read from top to bottom, and for paper. Made when it is first looked at.

let tabled = "";

function showTable() {
  const key = JSON.stringify([state.stage, order()]);
  if (tabled === key) return;
  tabled = key;
  const here = found();
  const of = stage().of;
  const many = entriesOf[of].count;
  const k = here ? here.k : 0;
  const head = ["place", "box in the file", "norm", ...Array.from({ length: k }, (_, i) => (i ? String(i + 1) : "words"))];
  const body = [];
  for (let entry = 0; entry < many; entry++) body.push(tableRow(here, of, entry, k));
  $("table").replaceChildren(
    make("p", { class: "dim" }, here ? `${state.stage} · ${here.name} · ${here.score} in small figures` : state.stage),
    make("table", {}, make("thead", {}, make("tr", {}, ...head.map((name) => make("th", { scope: "col" }, name)))), make("tbody", {}, ...body)),
  );
}

function tableRow(here, of, entry, k) {
  const box = boxOf(of, entry);
  const row = make("tr", {}, make("th", { scope: "row" }, placeName(of, entry)), make("td", { class: "box" }, ...(box ? boxText(box).split(" – ").flatMap((corner, i) => [i ? " – " : "", make("span", {}, corner)]) : [NONE])),
    make("td", { class: outlierOf(state.stage, entry) === undefined ? "number" : "number flag" }, figure(normOf(state.stage, entry))));
  const words = here ? wordsOf(here, entry) : [];
  for (let i = 0; i < k; i++) {
    const word = words[i];
    row.append(word ? make("td", {}, make("bdi", {}, word.shown), " ", make("small", {}, figure(word.score))) : make("td", {}));
  }
  return row;
}

/** `2, 4`, with the page before it where there are several; of a token in no grid its kind and number. */
function placeName(of, entry) {
  const number = pagesOf[of].findIndex((one) => one.at.has(entry));
  const where = pagesOf[of][number];
  const { kinds, index } = entriesOf[of];
  if (!where || where.grid === null) return `${kinds[entry] === "patch" ? "token" : kinds[entry]} ${index[entry]}`;
  const cell = where.at.get(entry);
  const place = `${Math.floor(cell / where.cols)}, ${cell % where.cols}`;
  return pagesOf[of].filter((one) => one.grid !== null).length > 1 ? `${where.name}: ${place}` : place;
}

function listenToTable() {
  const section = $("table-section");
  section.addEventListener("toggle", () => section.open && showTable());
  let closed = false;
  addEventListener("beforeprint", () => {
    closed = !section.open;
    section.open = true;
    showTable();
    fitWords(true);
  });
  addEventListener("afterprint", () => {
    if (closed) section.open = false;
    fitWords(false);
  });
}
