// What the page was given: entries (tokens, or vision patches), stages, the words and norms of every entry.

const data = JSON.parse(document.getElementById("data").textContent);

const bytes = (packed) => Uint8Array.from(atob(packed), (c) => c.charCodeAt(0)).buffer;
const doubles = (packed) => new Float64Array(bytes(packed));
const singles = (packed) => new Float32Array(bytes(packed));
const integers = (packed) => new Int32Array(bytes(packed));

const entriesOf = {};
for (const [of, given] of Object.entries(data.entries)) {
  entriesOf[of] = { ...given, boxes: doubles(given.boxes), inside: doubles(given.inside) };
}
const pagesOf = {};
for (const [of, given] of Object.entries(data.pages)) {
  pagesOf[of] = given.map((page) => {
    const cells = integers(page.cells);
    const at = new Map();
    cells.forEach((entry, cell) => entry >= 0 && at.set(entry, cell));
    return { ...page, cells, at };
  });
}
const charts = {};
for (const [of, given] of Object.entries(data.charts)) {
  const norms = singles(given.norms);
  const outliers = given.outliers.map((stage) => new Map(stage));
  charts[of] = { ...given, norms, outliers, entries: given.names.length ? norms.length / given.names.length : 0 };
}
const percentiles = singles(data.percentiles);

const stages = new Map();
for (const stage of data.stages) {
  const words = new Map();
  for (const [order, found] of Object.entries(stage.words)) {
    words.set(order, {
      ...found,
      ids: integers(found.ids),
      scores: doubles(found.scores),
      hubs: new Map(found.hubs),
      spellings: found.spellings === null ? null : integers(found.spellings),
      noise: found.noise === null ? null : { ...found.noise, percentiles: singles(found.noise.percentiles) },
      explained: found.explained === null ? null : doubles(found.explained),
    });
  }
  stages.set(stage.name, { ...stage, words });
}

/** The box of an entry in pixels of the file, or null. */
function boxOf(of, entry) {
  const box = entriesOf[of].boxes.subarray(4 * entry, 4 * entry + 4);
  return Number.isNaN(box[0]) ? null : box;
}

/** The words of an entry, nearest first (of a pursuit in the order picked). */
function wordsOf(found, entry) {
  const rows = [];
  for (let i = entry * found.k; i < (entry + 1) * found.k; i++) {
    if (found.ids[i] < 0) continue;
    const [id, shown, , gloss] = data.pieces[found.ids[i]];
    const explained = found.explained ? found.explained[i] : null;
    const spellings = found.spellings ? found.spellings[i] : 1;
    rows.push({ row: found.ids[i], id, shown, gloss, spellings, score: found.scores[i], explained });
  }
  return rows;
}

/** The norm of an entry at a stage. */
function normOf(stage, entry) {
  const chart = charts[stages.get(stage).of];
  return chart.norms[chart.names.indexOf(stage) * chart.entries + entry];
}

/** The row of the table of pieces that stands first, or -1. */
function firstOf(found, entry) {
  return found.k ? found.ids[entry * found.k] : -1;
}

/** The number of the word of a row of the table of pieces, the same for all its spellings; -1 for no row. */
const wordOf = (row) => (row < 0 ? -1 : data.pieces[row][4]);

/** Whether an entry is an outlier at a stage: its z, null for one beyond all measure; undefined where it is none. */
function outlierOf(stage, entry) {
  const chart = charts[stages.get(stage).of];
  return chart.outliers[chart.names.indexOf(stage)].get(entry);
}
