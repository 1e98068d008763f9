// The page as a whole: its head, its switches, and the start.

const ZOOMS = [1, 2, 3];

function showHead() {
  $("parts").textContent = data.model.parts;
  $("note").textContent = data.model.note;
  $("note").hidden = !data.model.note;
  const scale = data.drawn[0] / data.size[0];
  const drawn = `${data.drawn.join("×")}, ${figure(scale, 3)} of its size; boxes are in pixels of the file`;
  facts($("facts"), [...data.facts, ...(scale < 1 ? [["drawn at", drawn]] : [])]);
}

/** The model from left to right: a point for every stage in the page, the one looked at lit. */
function showPath() {
  const parts = [];
  let kind = "";
  const names = [...stages.keys()];
  const last = Math.max(...names.filter((name) => name.startsWith("vision.")).map((name) => Number(name.slice(7))), 0);
  const every = stepOf(last);
  for (const name of names) {
    const [of, number] = name.split(".");
    if (of !== kind) {
      if (kind) parts.push(make("span", { class: "rule", "aria-hidden": "true" }));
      if (number !== undefined) parts.push(make("span", { class: "of", "aria-hidden": "true" }, of));
      kind = of;
    }
    const lit = name === state.stage;
    const said = number === undefined || of === "llm" || Number(number) % every === 0;
    const label = lit ? name : said ? (number ?? name) : "·";
    const names = { "aria-label": name, title: name, class: said || lit ? "named" : "" };
    parts.push(choice(label, lit, () => toStage(name), names));
  }
  fill($("path"), ...parts);
}

/** Every how many of the stages 0 … last have their number: all of a few, else some at one distance, both ends too. */
function stepOf(last) {
  if (last <= 8) return 1;
  let step = Math.ceil(last / 6);
  while (last % step) step += 1;
  return step;
}

function showChoices() {
  const there = pages();
  $("views").hidden = there.length < 2;
  fill($("views"), ...there.map((one, i) => choice(one.name, i === state.page, () => toPage(i))));
  const overlays = OVERLAYS.filter((name) => name !== "words" || found());
  $("overlays").hidden = !page();
  fill($("overlays"), ...overlays.map((name) => choice(name, name === overlay(), () => toOverlay(name))));
  $("zoom").hidden = !page();
  $("find").hidden = !data.pieces.length;
  $("hint").textContent = hint();
  const many = entriesOf[stage().of].count;
  const what = stage().of === "tokens" ? count(many, "token") : count(many, "vision patch", "vision patches");
  $("table-title").textContent = `${what} as a table`;
  $("table-section").hidden = !many;
}

function hint() {
  const keys = ["←↑↓→ move", "[ ] stage"];
  if (stage().words.size > 1) keys.push("m metric");
  keys.push("o overlay");
  if (pages().length > 1) keys.push("t grid");
  return [...keys, "/ find", "z zoom", "d light/dark", "? keys"].join("   ");
}

/** A change that the cells do not say. */
function showChange() {
  const metric = found() && stage().words.size > 1 ? `, ${order()}` : "";
  const view = pages().length > 1 && page() ? `, ${page().name}` : "";
  $("said").textContent = `${state.stage}${metric}${view}`;
}

function stepZoom() {
  state.zoom = ZOOMS[(ZOOMS.indexOf(state.zoom) + 1) % ZOOMS.length];
  $("frame").style.setProperty("--zoom", state.zoom);
  $("view").classList.toggle("zoomed", state.zoom > 1);
  $("zoom").textContent = `zoom ${state.zoom}×`;
  $(`entry-${state.entry}`)?.scrollIntoView({ block: "center", inline: "center" });
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function turnLight() {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  showLight();
}

function showLight() {
  $("theme").textContent = isDark() ? "light" : "dark";
}

function focusPicture() {
  (page() && page().grid === null ? $("list") : $("grid")).focus({ preventScroll: true });
}

listen((all) => {
  if (all) {
    showPath();
    showChoices();
    showMetrics();
    showPicture();
    showLegend();
    showChange();
    if ($("table-section").open) showTable();
  } else showPointed(true);
  showWords();
  showNorms();
  showPatch();
  showFound();
});

function start() {
  showHead();
  showLight();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showLight);
  $("theme").addEventListener("click", turnLight);
  $("zoom").addEventListener("click", stepZoom);
  listenToPointer();
  listenToFinding();
  listenToKeys();
  listenToTable();
  // the enlarged patch is cut out of the image, which may not have been decoded yet
  $("image").addEventListener("load", showPatch);
  const first = data.first.entry;
  const where = first === null ? 0 : pages().findIndex((one) => one.at.has(first));
  toPage(Math.max(0, where), first === null ? -1 : first);
  // inside another page (a notebook) the focus is that page's
  if (window.self === window.top) focusPicture();
}

start();
