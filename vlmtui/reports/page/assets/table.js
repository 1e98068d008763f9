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
  const numbers = Array.from({ length: k }, (_, i) => (i ? String(i + 1) : "words"));
  const head = ["row, column", "box in the file, pixels", "norm, L2", ...numbers].map((name) => make("th", { scope: "col" }, name));
  const body = [];
  for (let entry = 0; entry < many; entry++) body.push(tableRow(here, of, entry, k));
  const about = here ? `${state.stage} · ${here.name} · small figures: ${here.score}` : state.stage;
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body));
  $("table").replaceChildren(make("p", { class: "dim" }, about), table);
}

function tableRow(here, of, entry, k) {
  const td = (kind, ...children) => make("td", kind ? { class: kind } : {}, ...children);
  const box = boxOf(of, entry);
  const flag = outlierOf(state.stage, entry) === undefined ? "number" : "number flag";
  const row = make("tr", {}, make("th", { scope: "row" }, placeName(of, entry)));
  row.append(td("box", ...(box ? corners(box) : [NONE])), td(flag, figure(normOf(state.stage, entry))));
  const words = here ? wordsOf(here, entry) : [];
  for (let i = 0; i < k; i++) {
    const word = words[i];
    row.append(word ? td("", make("bdi", {}, word.shown), spelled(word), make("small", {}, figure(here.sign * word.score))) : td(""));
  }
  return row;
}

/** What stands between a word and its figure: the number of its spellings. */
const spelled = (word) => (word.spellings > 1 ? ` ×${word.spellings} ` : " ");

/** The two corners of a box, each of which stays on its line. */
function corners(box) {
  const [from, to] = boxText(box).split(" – ");
  return [span("", from), " – ", span("", to)];
}

/** `2, 4`, with the whole image or tile before it where there are several; of a token in no grid its kind and number. */
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
