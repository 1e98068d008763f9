// The panels beside the image: words, and the patch itself. (The norms are in chart.js.)

const SHORTEST_BAR = 0.2;

/** Lengths for bars, 1 for the first word: from where noise ends, the floor, or where that is not known down to a fifth
 * for the last; of coefficients by their size. */
function barShares(scores, sizes, floor) {
  if (sizes) {
    const largest = Math.max(...scores.map(Math.abs));
    return scores.map((score) => (largest > 0 ? Math.abs(score) / largest : 0));
  }
  if (floor !== null && floor !== undefined) {
    const above = scores[0] - floor;
    return scores.map((score) => (above > 0 ? Math.max(0, score - floor) / above : 0));
  }
  const span = scores[0] - scores.at(-1);
  return scores.map((score) => (span > 0 ? SHORTEST_BAR + ((1 - SHORTEST_BAR) * (score - scores.at(-1))) / span : 1));
}

function showMetrics() {
  const names = [...stage().words.keys()];
  $("metrics").hidden = names.length < 2;
  const button = (name) => choice(stage().words.get(name).name, name === order(), () => toMetric(name));
  fill($("metrics"), ...names.map(button));
}

function showWords() {
  const here = found();
  const entry = shown();
  const list = $("words");
  $("words-about").textContent = here
    ? `${data.k} ${here.how} of ${grouped(here.candidates)}${stage().note ? ` · ${stage().note}` : ""}`
    : "none";
  if (!here || entry < 0) {
    fill(list, make("li", { class: "none" }, wordless()), ...largestNorms(entry));
    $("summary").textContent = "";
    return;
  }
  const rows = wordsOf(here, entry);
  // a sum that noise makes as well has no bars
  const within = here.sizes && aboveNoise(here, entry) < data.above;
  const shares = barShares(rows.map((word) => (within ? 0 : word.score)), here.sizes, here.noise?.floor);
  fill(list, wordHeads(here), ...rows.map((word, i) => wordRow(word, shares[i], i, here)));
  if (!rows.length) fill(list, make("li", { class: "none" }, "This patch is not part of any token, so it has no words."));
  showSummary(here, rows, entry);
}

/** How many percent of noise the words of an entry beat; NaN where that is not known. */
const aboveNoise = (here, entry) => (here.noise ? here.noise.percentiles[entry] : NaN);

/** The heads of the columns of words. */
function wordHeads(here) {
  const floor = here.noise && here.noise.floor !== null;
  const numbers = [span("score", here.score)];
  if (here.explained) numbers.push(span("share", "explained"));
  numbers.push(span("id", "id"));
  return make("li", { class: "heads dim" }, span("name", "word"), span("bar", floor ? "above noise" : ""), ...numbers);
}

function wordRow(word, length, i, here) {
  const attributes = { type: "button", class: "word", title: `find ${word.shown}`, onclick: () => seek(word.shown) };
  const parts = [make("button", attributes, make("bdi", {}, word.shown))];
  if (word.spellings > 1) {
    const title = `${word.spellings} spellings of this word in the list; the best one is shown`;
    parts.push(make("span", { class: "gloss", title }, `×${word.spellings}`));
  }
  if (word.gloss) parts.push(span("gloss", word.gloss));
  const share = here.hubs.get(word.row);
  if (share) parts.push(make("span", { class: "hub", title: `in the lists of ${percent(100 * share)} of all tokens` }, "hub"));
  const numbers = [span("score", figure(here.sign * word.score))];
  if (word.explained !== null) {
    const title = "of the norm explained so far";
    numbers.push(make("span", { class: "share", title }, percent(100 * word.explained)));
  }
  numbers.push(make("span", { class: "id", title: "id" }, String(word.id)));
  const kind = here.sizes && word.score < 0 ? "negative" : "";
  return make("li", { class: i ? "" : "first" }, span("name", ...parts), bar(length, kind), ...numbers);
}

function bar(share, kind) {
  const line = make("i");
  line.style.width = `${100 * share}%`;
  return span(`bar ${kind}`, line);
}

/** The entries with the largest norms: what there is to see where there are no words. */
function largestNorms(here) {
  const of = stage().of;
  const many = page() ? entriesOf[of].count : 0;
  const norm = (entry) => normOf(state.stage, entry);
  const all = Array.from({ length: many }, (_, entry) => entry).sort((a, b) => norm(b) - norm(a));
  if (!all.length) return [];
  const rows = all.slice(0, data.k).map((entry) => {
    const kind = outlierOf(state.stage, entry) === undefined ? "measured" : "outlier";
    const attributes = { type: "button", class: "word", title: "move the cursor there", onclick: () => toHit(entry) };
    const name = span("name", make("button", attributes, placeName(of, entry)));
    const share = norm(all[0]) > 0 ? norm(entry) / norm(all[0]) : 0;
    const score = span("score", figure(norm(entry)));
    return make("li", { class: entry === here ? "first" : "" }, name, bar(share, kind), score);
  });
  return [make("li", { class: "none" }, `Largest L2 norms of ${state.stage}, row and column:`), ...rows];
}

/** Why there is nothing to list. */
function wordless() {
  if (data.model.wordless) return data.model.wordless;
  if (state.stage.startsWith("vision.") && stages.has("tokens")) {
    return `Vision-layer states are not in the language model's space. Press ] for tokens.`;
  }
  return stages.has("tokens") ? "There are no image tokens here." : "Vision-only model: no vocabulary.";
}

/** Figures of the words together: margin or share explained, agreement of the metrics, norm, what the numbers are. */
function showSummary(here, rows, entry) {
  const parts = [];
  const last = rows.at(-1);
  if (last && last.explained !== null) parts.push(["", percent(100 * last.explained), "of the norm explained"]);
  else if (rows.length > 1 && !here.sizes) parts.push(["margin", figure(rows[0].score - rows[1].score), ""]);
  const above = aboveNoise(here, entry);
  if (rows.length && Number.isFinite(above)) parts.push(["beats", ...partOf(above, here.noise.name)]);
  const others = data.agreeing.filter((name) => stage().words.has(name));
  if (rows.length && others.length > 1 && data.agreeing.includes(order())) {
    const first = (name) => firstOf(stage().words.get(name), entry);
    const agrees = (row) => (here.spellings ? wordOf(row) === wordOf(rows[0].row) : row === rows[0].row);
    const same = others.filter((name) => agrees(first(name))).length;
    parts.push(["top-1 for", `${same} of ${others.length}`, "metrics"]);
  }
  if (state.stage === "tokens") {
    const larger = percentiles[entry];
    const among = Number.isFinite(larger) ? `larger than ${partOf(larger, "word norms").join(" ")}` : "";
    parts.push(["norm", figure(normOf("tokens", entry)), among]);
  }
  parts.push(["numbers:", "", here.score]);
  if (here.lengths) parts.push(["", "", here.lengths]);
  const said = ([before, number, after]) => span("", `${before} `, make("b", {}, number), ` ${after}`);
  $("summary").replaceChildren(...parts.map(said));
}

function showPatch() {
  const entry = shown();
  const of = stage().of;
  $("patch-panel").hidden = entry < 0;
  if (entry < 0) return;
  const what = `${of === "tokens" ? "token" : "patch"} ${entriesOf[of].index[entry]}`;
  const cell = cellOf(entry);
  const list = page().grid === null;
  const kind = entriesOf[of].kinds[entry];
  $("patch-title").textContent = list ? "Token" : "Patch";
  $("patch-about").textContent = list
    ? `${kind === "patch" ? "" : `${kind} `}${what}`
    : `${pages().length > 1 ? `${page().name} · ` : ""}row ${cell[0]} · column ${cell[1]} · ${what}`;
  $("enlarged").hidden = list;
  if (list) {
    facts($("patch-facts"), [["", data.loose[kind]]]);
    return;
  }
  enlarge(of, entry);
  facts($("patch-facts"), patchFacts(of, entry));
}

function patchFacts(of, entry) {
  const pairs = [];
  const box = boxOf(of, entry);
  const inside = entriesOf[of].inside[entry];
  if (!box) pairs.push(["in file", "nothing: it lies in the padding"]);
  else {
    pairs.push(["in file", boxText(box)]);
    if (inside < 1) pairs.push(["padding", `${percent(100 * (1 - inside))} of it; the rest is image`]);
    const mean = entriesOf[of].means.slice(6 * entry, 6 * entry + 6);
    const swatch = make("span", { class: "swatch" });
    swatch.style.backgroundColor = `#${mean}`;
    pairs.push(["mean", swatch, ` #${mean}  rgb ${levels(mean).join(" ")}`]);
  }
  const patches = entriesOf[of].columns[entry].length;
  const [down, across] = of === "tokens" && patches > 1 ? page().split : [1, 1];
  if (data.seen) pairs.push(["seen as", `${across * data.patch[1]}×${down * data.patch[0]} px of ${data.seen}`]);
  if (of === "tokens") {
    const laid = down * across === patches ? ` (${down}×${across})` : "";
    if (patches > 1) pairs.push(["made of", `${count(patches, "vision patch", "vision patches")}${laid}`]);
    else if (!patches) pairs.push(["made of", "patches of several tiles, resampled"]);
    const [time, row, column] = entriesOf.tokens.positions[entry] ?? [];
    if (time !== undefined) pairs.push(["position", `time ${time}, row ${row}, column ${column}`]);
    if (state.stage === "tokens" && data.model.feeds) pairs.push(["reads", `${data.model.feeds} → projector → here`]);
  } else if (state.stage === data.model.feeds) pairs.push(["feeds", "the projector"]);
  return pairs;
}

/** The image within the patch's box, or within its cell where the box is cut by the image's edge. */
function enlarge(of, entry) {
  const canvas = $("enlarged");
  const cell = cellBox(page(), entry);
  const [x0, y0, x1, y1] = entriesOf[of].inside[entry] >= 1 ? boxOf(of, entry) ?? cell : cell;
  const shape = Math.min(4, Math.max(0.25, (x1 - x0) / (y1 - y0)));
  canvas.width = Math.round(shape >= 1 ? 192 : 192 * shape);
  canvas.height = Math.round(shape >= 1 ? 192 / shape : 192);
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  const scale = [data.drawn[0] / data.size[0], data.drawn[1] / data.size[1]];
  // what lies outside of the image stays empty, and the pattern for padding is seen through it
  context.setTransform(canvas.width / (x1 - x0) / scale[0], 0, 0, canvas.height / (y1 - y0) / scale[1],
    (-x0 * canvas.width) / (x1 - x0), (-y0 * canvas.height) / (y1 - y0));
  context.drawImage($("image"), 0, 0);
}
