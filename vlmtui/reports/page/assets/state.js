// Where the reader stands. Whoever changes it says so with `changed`, and who shows it has listened.

const OVERLAYS = ["words", "norms", "image"];

const state = {
  stage: data.first.stage,
  metric: data.first.metric,
  page: 0,
  entry: -1,
  pointed: -1,
  overlay: "words",
  sought: "",
  zoom: 1,
};

const listeners = [];
const listen = (shows) => listeners.push(shows);
/** `all`: another stage, metric, page or overlay; else another entry. */
const changed = (all) => listeners.forEach((shows) => shows(all));

const stage = () => stages.get(state.stage);
const pages = () => pagesOf[stage().of];
const page = () => pages()[state.page];
/** What the words of the stage are ordered by now; undefined where it has none. */
const order = () => (stage().words.has(state.metric) ? state.metric : stage().words.keys().next().value);
const found = () => stage().words.get(order());
/** What lies over the image: where there are no words, the norms. */
const overlay = () => (state.overlay === "words" && !found() ? "norms" : state.overlay);
/** The entry shown: the one pointed at, or else the one the cursor stands on; -1 where there is none. */
const shown = () => (state.pointed >= 0 ? state.pointed : state.entry);

/** The row and column of an entry on the page. */
function cellOf(entry) {
  const cell = page()?.at.get(entry);
  return cell === undefined ? null : [Math.floor(cell / page().cols), cell % page().cols];
}

/** The entry in a cell, or else the one whose cell is nearest. */
function nearest(row, col) {
  const here = page();
  if (!here) return -1;
  const inside = row >= 0 && col >= 0 && row < here.rows && col < here.cols;
  const there = inside ? here.cells[row * here.cols + col] : -1;
  if (there >= 0) return there;
  let best = [-1, Infinity];
  for (const [entry, cell] of here.at) {
    const away = (Math.floor(cell / here.cols) - row) ** 2 + ((cell % here.cols) - col) ** 2;
    if (away < best[1]) best = [entry, away];
  }
  return best[0];
}

/** The middle of an entry in the image, in pixels of the file. */
function middleOf(entry) {
  const [row, col] = cellOf(entry);
  const { box, rows, cols } = page();
  return [box[0] + ((col + 0.5) / cols) * (box[2] - box[0]), box[1] + ((row + 0.5) / rows) * (box[3] - box[1])];
}

/** The entry of the page that is nearest to a place in the image. */
function entryAt(x, y) {
  const { box, rows, cols } = page();
  return nearest(
    Math.floor(((y - box[1]) / (box[3] - box[1])) * rows),
    Math.floor(((x - box[0]) / (box[2] - box[0])) * cols),
  );
}

function toEntry(entry) {
  state.pointed = -1;
  if (entry < 0 || entry === state.entry) return changed(false);
  state.entry = entry;
  changed(false);
}

/** Another page, the cursor as near as may be to where it stood in the image. */
function toPage(number, entry = -1) {
  const before = page()?.grid !== null && state.entry >= 0 ? middleOf(state.entry) : null;
  state.page = number;
  state.pointed = -1;
  const here = page();
  if (entry >= 0) state.entry = entry;
  else if (here?.grid === null) state.entry = here.cells[0];
  else if (here) state.entry = before ? entryAt(...before) : nearest(here.rows >> 1, here.cols >> 1);
  else state.entry = -1;
  changed(true);
}

/** Another stage: the same grid, and the same place in the image, where both stages have entries there. */
function toStage(name) {
  if (!stages.has(name) || name === state.stage) return;
  const before = page();
  const at = before && state.entry >= 0 ? (before.grid === null ? null : middleOf(state.entry)) : null;
  const same = stages.get(name).of === stage().of;
  const entry = state.entry;
  state.stage = name;
  state.pointed = -1;
  if (!same) {
    state.page = Math.max(0, pages().findIndex((one) => one.grid === before?.grid));
    const here = page();
    if (!here) state.entry = -1;
    else if (here.grid === null) state.entry = here.cells[0];
    else state.entry = at ? entryAt(...at) : nearest(here.rows >> 1, here.cols >> 1);
  } else state.entry = entry;
  changed(true);
}

function stepStage(by) {
  const names = [...stages.keys()];
  toStage(names[names.indexOf(state.stage) + by]);
}

function stepMetric(by) {
  const names = [...stage().words.keys()];
  if (names.length < 2) return;
  toMetric(names[(names.indexOf(order()) + by + names.length) % names.length]);
}

function toMetric(name) {
  state.metric = name;
  changed(true);
}

function stepPage(by) {
  const many = pages().length;
  if (many > 1) toPage((state.page + by + many) % many);
}

function toOverlay(name) {
  state.overlay = name;
  changed(true);
}

function stepOverlay() {
  const there = OVERLAYS.filter((name) => name !== "words" || found());
  toOverlay(there[(there.indexOf(overlay()) + 1) % there.length]);
}
