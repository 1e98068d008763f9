// The image with a cell for every entry of the page, what lies over it, and the box of the entry under the cursor.

// beyond this an image is no longer drawn to shape: a strip one pixel wide shows nothing
const WIDEST = 4;
const TALLEST = 2.2;
// cells narrower than this, in pixels, have no room for a word
const NARROWEST = 20;

function showPicture() {
  const here = page();
  const list = !here || here.grid === null;
  const frame = list ? [0, 0, ...data.size] : here.frame;
  const [wide, tall] = [frame[2] - frame[0], frame[3] - frame[1]];
  const shape = Math.min(WIDEST, Math.max(1 / TALLEST, wide / tall));
  $("frame").style.setProperty("--shape", shape);
  place($("image"), [0, 0, ...data.size], frame);
  // pixels of an image smaller than it is drawn stay pixels
  $("image").classList.toggle("pixels", Math.max(...data.drawn) < 256);
  $("image").classList.toggle("grey", !list && overlay() === "norms" && !state.sought);
  $("image").classList.toggle("dimmed", !list && overlay() === "words" && !state.sought);
  const grid = $("grid");
  grid.hidden = list;
  if (list) grid.replaceChildren();
  else showCells(grid, here, frame, shape);
  showList(here);
  showPointed(false);
}

/** Put an element where a box of the image lies within the frame. */
function place(element, [x0, y0, x1, y1], frame) {
  const [wide, tall] = [frame[2] - frame[0], frame[3] - frame[1]];
  element.style.left = `${(100 * (x0 - frame[0])) / wide}%`;
  element.style.top = `${(100 * (y0 - frame[1])) / tall}%`;
  element.style.width = `${(100 * (x1 - x0)) / wide}%`;
  element.style.height = `${(100 * (y1 - y0)) / tall}%`;
}

function showCells(grid, here, frame, shape) {
  place(grid, here.box, frame);
  const across = (here.box[2] - here.box[0]) / (frame[2] - frame[0]) / here.cols;
  const down = (here.box[3] - here.box[1]) / (frame[3] - frame[1]) / here.rows / shape;
  grid.style.setProperty("--across", across);
  grid.style.setProperty("--down", down);
  grid.setAttribute("aria-rowcount", here.rows);
  grid.setAttribute("aria-colcount", here.cols);
  const what = stage().of === "tokens" ? "Tokens" : "Patches";
  grid.setAttribute("aria-label", `${what}, ${here.rows} rows, ${here.cols} columns`);
  const rows = [];
  for (let row = 0; row < here.rows; row++) {
    const line = make("div", { role: "row" });
    for (let col = 0; col < here.cols; col++) line.append(cellFor(here, row, col));
    rows.push(line);
  }
  grid.replaceChildren(...rows);
}

function cellFor(here, row, col) {
  const entry = here.cells[row * here.cols + col];
  const cell = make("div", { role: "gridcell", class: "cell", "aria-rowindex": row + 1, "aria-colindex": col + 1 });
  cell.style.left = `${(100 * col) / here.cols}%`;
  cell.style.top = `${(100 * row) / here.rows}%`;
  cell.style.width = `${100 / here.cols}%`;
  cell.style.height = `${100 / here.rows}%`;
  if (entry < 0) {
    cell.classList.add("hole");
    return cell;
  }
  cell.id = `entry-${entry}`;
  if (state.sought) soughtCell(cell, entry);
  else if (overlay() === "norms") normCell(cell, entry);
  else if (overlay() === "words") wordCell(cell, entry, firstOf(found(), entry), 0.75);
  return cell;
}

const warm = (entry) => heat(normOf(state.stage, entry), stage().range);

/** The colour of a norm; of a model without words its number too, as in the text report, outliers marked. */
function normCell(cell, entry) {
  const colour = warm(entry);
  cell.style.backgroundColor = `rgb(${colour.join(" ")} / ${found() ? 0.7 : 0.85})`;
  if (found()) return;
  const outlier = outlierOf(state.stage, entry) !== undefined;
  const number = `${figure(normOf(state.stage, entry), 3)}${outlier ? "!" : ""}`;
  cell.append(make("bdi", {}, number));
  cell.style.setProperty("--n", Math.max(4.4, number.length));
  cell.classList.add(luminance(colour) < 0.179 ? "white" : "black");
}

/** A word in a cell, in black or white, whichever reads on the image as bright as it is drawn there. */
function wordCell(cell, entry, row, bright) {
  if (row < 0) return;
  const word = data.pieces[row][1];
  const text = make("bdi", {}, word);
  cell.append(text);
  cell.style.setProperty("--n", Math.min(9, Math.max(4.4, cellsAcross(word))));
  const mean = levels(entriesOf[stage().of].means.slice(6 * entry, 6 * entry + 6));
  cell.classList.add(luminance(mean.map((v) => v * bright)) < 0.179 ? "white" : "black");
}

/** 1 for a first word, towards a quarter for the last. */
const nearness = (hit) => 1 - (0.75 * hit.rank) / found().k;

/** How good a hit it is: the word looked for, its rank, and the accent the stronger the nearer. */
function soughtCell(cell, entry) {
  const hit = hits().get(entry);
  if (!hit) {
    cell.classList.add("missed");
    return;
  }
  cell.classList.add("hit", "black");
  cell.style.setProperty("--near", nearness(hit));
  const word = data.pieces[hit.row][1];
  cell.style.setProperty("--n", Math.min(9, Math.max(4.4, cellsAcross(word))));
  cell.append(make("bdi", {}, word), make("sup", {}, String(hit.rank + 1)));
}

/** The tokens that lie in no grid, as a list to walk. */
function showList(here) {
  const list = $("list");
  const there = Boolean(here) && here.grid === null;
  list.hidden = !there;
  $("list").setAttribute("aria-label", there ? here.name : "");
  if (!there) return list.replaceChildren();
  list.replaceChildren(...[...here.cells].map(itemFor));
}

function itemFor(entry) {
  const hit = state.sought ? hits().get(entry) : undefined;
  const row = hit ? hit.row : found() ? firstOf(found(), entry) : -1;
  const number = make("small", {}, String(entriesOf[stage().of].index[entry]));
  const word = make("bdi", {}, row < 0 ? NONE : data.pieces[row][1]);
  const item = make("div", { role: "option", id: `entry-${entry}`, class: "token" }, number, " ", word);
  item.addEventListener("click", () => toEntry(entry));
  if (state.sought) {
    item.classList.add(hit ? "hit" : "missed");
    if (hit) item.style.setProperty("--near", nearness(hit));
  } else if (overlay() === "norms") {
    const colour = warm(entry);
    item.style.backgroundColor = `rgb(${colour.join(" ")})`;
    item.style.color = luminance(colour) < 0.179 ? "#fff" : "#000";
  }
  return item;
}

/** The box of the entry shown, the cell of the cursor, and both for who cannot see them. */
function showPointed(follow) {
  const entry = shown();
  const here = page();
  const box = $("here");
  box.hidden = entry < 0 || !here || here.grid === null;
  for (const old of document.querySelectorAll(".at")) {
    old.classList.remove("at");
    old.removeAttribute("aria-selected");
    old.removeAttribute("aria-label");
  }
  const holder = here && here.grid === null ? $("list") : $("grid");
  holder.removeAttribute("aria-activedescendant");
  if (entry < 0 || !here) return;
  if (here.grid !== null) place(box, boxOf(stage().of, entry) ?? cellBox(here, entry), here.frame);
  const at = $(`entry-${state.entry}`);
  if (!at) return;
  at.classList.add("at");
  $("grid").classList.toggle("away", state.pointed >= 0 && state.pointed !== state.entry);
  at.setAttribute("aria-selected", "true");
  at.setAttribute("aria-label", spoken(state.entry));
  holder.setAttribute("aria-activedescendant", at.id);
  if (follow && state.pointed < 0) at.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function cellBox(here, entry) {
  const [row, col] = cellOf(entry);
  const [wide, tall] = [(here.box[2] - here.box[0]) / here.cols, (here.box[3] - here.box[1]) / here.rows];
  const [left, top] = [here.box[0] + col * wide, here.box[1] + row * tall];
  return [left, top, left + wide, top + tall];
}

/** An entry in a sentence. */
function spoken(entry) {
  const words = found() ? wordsOf(found(), entry).map((word) => word.shown) : [];
  const cell = page().grid === null ? "" : `row ${cellOf(entry)[0]} column ${cellOf(entry)[1]}, `;
  return `${cell}${words.length ? `${words.join(", ")}; ` : ""}norm ${figure(normOf(state.stage, entry))}`;
}

/** The entry under a pointer, or -1 beside the grid. */
function entryUnder(event) {
  const rect = $("grid").getBoundingClientRect();
  const { rows, cols, cells } = page();
  const col = Math.floor(((event.clientX - rect.left) / rect.width) * cols);
  const row = Math.floor(((event.clientY - rect.top) / rect.height) * rows);
  return row >= 0 && col >= 0 && row < rows && col < cols ? cells[row * cols + col] : -1;
}

function point(entry) {
  if (entry === state.pointed) return;
  state.pointed = entry;
  changed(false);
}

function listenToPointer() {
  const grid = $("grid");
  grid.addEventListener("pointermove", (event) => event.pointerType !== "touch" && point(entryUnder(event)));
  grid.addEventListener("pointerleave", () => point(-1));
  grid.addEventListener("click", (event) => {
    const entry = entryUnder(event);
    if (entry >= 0) toEntry(entry);
  });
  new ResizeObserver(() => fitWords(false)).observe(grid);
}

/** No words where there is no room for them; on paper there always is. */
function fitWords(paper) {
  const here = page();
  if (!here || here.grid === null) return;
  $("grid").classList.toggle("crowded", !paper && $("grid").clientWidth / here.cols < NARROWEST);
  showLegend();
}

function showLegend() {
  const legend = $("legend");
  const here = page();
  if (here && here.grid === null) {
    const kinds = new Set([...here.cells].map((entry) => entriesOf[stage().of].kinds[entry]));
    return legend.replaceChildren([...kinds].map((kind) => data.loose[kind]).join(" "));
  }
  if (state.sought && found()) return legend.replaceChildren("the number is the word's rank in the patch's top-k");
  if (!here) return legend.replaceChildren(data.model.wordless || "No tokens or patches at this stage.");
  if (overlay() === "norms") {
    const [low, high] = stage().range;
    const scale = make("i", { class: "ramp" });
    const steps = Array.from({ length: 17 }, (_, i) => `rgb(${heat(i, [0, 16]).join(" ")})`);
    scale.style.background = `linear-gradient(to right, ${steps.join(", ")})`;
    const marks = found() ? "" : " · ! marks an outlier";
    const [from, to] = [low, high].map((end) => make("b", {}, figure(end, 3)));
    legend.replaceChildren(`norm ${state.stage} `, from, scale, to, marks);
  } else if (overlay() === "words") {
    const joins = data.model.marks ? " · ‿ marks a word-piece that continues the one before it" : "";
    const crowded = $("grid").classList.contains("crowded");
    legend.replaceChildren(crowded ? "no room for words: zoom in with z" : `top-1 words${joins}`);
  } else legend.replaceChildren("image only");
}
