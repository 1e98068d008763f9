// A lens laid over the image, or beside it: drawn by the kind of its result, whatever lens it is.

const lens = data.lens;
const lensColours = lens.colours === null ? null : new Uint8Array(bytes(lens.colours));
const atLens = () => state.stage === lens.stage && overlay() === lens.name;

const LENS_OF_CELL = {
  colour(cell, entry) {
    const [red, green, blue, there] = lensColours.slice(4 * entry, 4 * entry + 4);
    if (there) cell.style.backgroundColor = `rgb(${red} ${green} ${blue} / 0.7)`;
  },
  word(cell, entry) {
    const word = lens.firsts[entry];
    if (!word) return;
    cell.append(make("bdi", {}, word));
    cell.style.setProperty("--n", Math.min(9, Math.max(4.4, cellsAcross(word))));
    const mean = levels(entriesOf[stage().of].means.slice(6 * entry, 6 * entry + 6));
    cell.classList.add(luminance(mean) < 0.179 ? "white" : "black");
  },
  nothing() {},
};
// how each kind of result is laid over the image; what it says of an entry stands in the panel
const LENS_KINDS = {
  Scalars: "colour",
  Colours: "colour",
  TokenMaps: "colour",
  Words: "word",
  LayerWords: "nothing",
  Matrix: "nothing",
  Scores: "nothing",
  Facts: "nothing",
};

const lensPanel = make("div", { class: "panel", id: "lens-panel" });
const lensList = make("dl", { class: "facts" });
lensPanel.append(make("h2", {}, "Lens ", make("small", {}, lens.title)), lensList);
$("right").prepend(lensPanel);

function showLens(all) {
  lensPanel.hidden = state.stage !== lens.stage;
  const entry = shown();
  facts(lensList, [...(lens.lines[entry] ?? []), ...lens.whole]);
  if (!all || !atLens() || !page()) return;
  const draw = LENS_OF_CELL[LENS_KINDS[lens.kind]];
  for (const [one] of page().at) {
    const cell = $(`entry-${one}`);
    if (cell && page().grid !== null) draw(cell, one);
  }
  $("image").classList.toggle("grey", LENS_KINDS[lens.kind] === "colour");
}

const legendOfOthers = showLegend;
showLegend = () => (atLens() && page() ? $("legend").replaceChildren(lens.legend) : legendOfOthers());

OVERLAYS.unshift(lens.name);
state.overlay = lens.name;
listen(showLens);
changed(true);
