// Norms through depth: bars over the band and the median of all entries; outliers red, the stage looked at marked.

const ROOM_ABOVE = 1.2;
const TALL = 120;
const GAP = 0.08;

/** What the chart is of under the cursor: (chart, its entries, the index of the stage looked at or -1) each. */
function blocks() {
  const entry = shown();
  const of = stage().of;
  const columns = entry < 0 ? [] : of === "patches" ? [entry] : entriesOf[of].columns[entry];
  const there = [{ chart: charts.patches, columns }];
  // at the tokens alone there is no depth to show
  if (charts.tokens.names.length > 1) {
    there.push({ chart: charts.tokens, columns: entry >= 0 && of === "tokens" ? [entry] : [] });
  }
  return there
    .filter(({ chart }) => chart.names.length)
    .map((block) => ({ ...block, here: block.chart.names.indexOf(state.stage) }));
}

function valueAt({ chart, columns }, layer) {
  let sum = 0;
  for (const column of columns) sum += chart.norms[layer * chart.entries + column];
  return columns.length ? sum / columns.length : NaN;
}

/** The outlier among a block's entries at a layer that is farthest from the median: z, and the ratio to the median. */
function worstAt({ chart, columns }, layer) {
  const flagged = chart.outliers[layer];
  const there = columns
    .filter((column) => flagged.has(column))
    .map((column) => ({
      z: flagged.get(column) ?? Infinity,
      ratio: chart.norms[layer * chart.entries + column] / chart.bands[layer][1],
    }));
  return there.length ? there.reduce((a, b) => (Math.abs(b.z) > Math.abs(a.z) ? b : a)) : undefined;
}

/** How far an outlier is from the median, and on which side. */
function outlierText({ z, ratio }) {
  if (!Number.isFinite(ratio)) return "not finite";
  const high = ratio >= data.high ? " (high-norm)" : "";
  const far = `${figure(ratio, 3)}× the median${high}`;
  return Number.isFinite(z) ? `${far}, z ${z > 0 ? "+" : ""}${z.toFixed(1)}` : far;
}

function showNorms() {
  const all = blocks();
  const about = all.map(({ chart }) => {
    const [first, last] = [chart.names[0], chart.names.at(-1)];
    return first === "tokens" ? last.replace(".", " 1–") : `vision 0–${chart.names.length - 1}`;
  });
  const scales = all.length > 1 ? "L2, separate scales" : "L2";
  $("norms-about").textContent = all.length ? `${about.join(", ")} · ${scales}` : "vision patches unknown";
  $("chart").replaceChildren(...all.map(drawn));
  showNormsLegend(all);
}

function drawn(block) {
  const { chart, here } = block;
  const many = chart.names.length;
  const values = chart.names.map((_, layer) => valueAt(block, layer));
  // the scale holds still from patch to patch, but makes room for one that stands out
  const highest = Math.max(...chart.bands.map((band) => band[2] ?? 0));
  const top = Math.max(ROOM_ABOVE * highest, ...values.filter(Number.isFinite)) || 1;
  const y = (value) => TALL - (TALL * Math.max(0, value)) / top;
  const parts = [];
  chart.names.forEach((name, layer) => {
    const [low, median, high] = chart.bands[layer];
    const flagged = worstAt(block, layer) !== undefined;
    const middle = low === null ? "" : `, median of all ${figure(median)}`;
    const column = svg("g", {}, svg("title", {}, `${name}: ${figure(values[layer])}${middle}`));
    const bar = (kind, from, to, gap = 0) =>
      svg("rect", { class: kind, x: layer + gap, y: y(to), width: 1 - 2 * gap, height: y(from) - y(to) });
    column.append(bar("all", 0, top));
    if (low !== null) column.append(bar("band", low, high));
    if (Number.isFinite(values[layer])) column.append(bar(flagged ? "outlier" : "measured", 0, values[layer], GAP));
    if (low !== null) {
      column.append(svg("line", { class: "median", x1: layer, x2: layer + 1, y1: y(median), y2: y(median) }));
    }
    column.addEventListener("click", () => toStage(name));
    parts.push(column);
  });
  const figureOf = make("div", { class: "block" });
  figureOf.style.flexGrow = String(Math.max(many, 4));
  figureOf.style.maxWidth = `${4 + 4.5 * many}rem`;
  const shape = { viewBox: `0 0 ${many} ${TALL}`, preserveAspectRatio: "none" };
  const picture = svg("svg", { ...shape, role: "img", "aria-label": describe(block, values) }, ...parts);
  const scale = make("div", { class: "scale" }, ...[top, top / 2, 0].map((value) => span("", figure(value, 3))));
  const axis = make("div", { class: "axis", "aria-hidden": "true" });
  const every = Math.ceil(many / 12);
  chart.names.forEach((name, layer) => {
    const brief = name === "tokens" ? "t" : name.replace(/^\w+\./, "");
    const named = layer % every === 0 || layer === many - 1;
    // what stands next to the stage looked at leaves it room
    const clear = here < 0 || Math.abs(layer - here) >= every;
    axis.append(layer === here ? span("here", brief) : span("", named && clear ? brief : ""));
  });
  figureOf.append(scale, picture, axis);
  return figureOf;
}

function describe({ chart }, values) {
  const [first, last] = [chart.names[0], chart.names.at(-1)];
  return `Norms from ${first} to ${last}: ${values.map((value) => figure(value, 3)).join(", ")}`;
}

function showNormsLegend(all) {
  const legend = $("norms-legend");
  const parts = [];
  const entry = shown();
  if (entry >= 0) parts.push(make("span", {}, make("b", {}, `${state.stage} ${figure(normOf(state.stage, entry))}`)));
  const worst = all.flatMap((block) => block.chart.names.map((name, layer) => [name, worstAt(block, layer)]));
  const flagged = worst.filter(([, one]) => one !== undefined);
  const columns = all[0]?.columns.length ?? 0;
  if (columns) parts.push(key("measured", columns > 1 ? `mean of its ${columns} patches` : "this patch"));
  else if (entry >= 0 && charts.patches.names.length) parts.push(make("span", {}, "no patches of its own"));
  parts.push(key("band", "5–95% of all"), key("median", "median"));
  if (flagged.length) {
    const [name, far] = flagged.reduce((a, b) => (Math.abs(b[1].z) > Math.abs(a[1].z) ? b : a));
    const where = runs(flagged.map(([name]) => name));
    const at = flagged.length > 1 ? ` at ${name}` : "";
    const said = `${far.z < 0 ? "▼" : "▲"} outlier at ${where}: ${outlierText(far)}${at}`;
    parts.push(make("span", { class: "flag" }, said));
  }
  legend.replaceChildren(...parts);
}

/** `vision 17–19, 23` for vision.17, vision.18, vision.19, vision.23. */
function runs(names) {
  const parts = [];
  let before = ["", NaN];
  for (const name of names) {
    const [of, number] = [name.split(".")[0], Number(name.split(".")[1])];
    if (of === before[0] && number === before[1] + 1) parts.push([...parts.pop().slice(0, 2), number]);
    else parts.push([of === before[0] ? "" : of, number]);
    before = [of, number];
  }
  const said = ([of, ...ends]) => [of, Number.isNaN(ends[0]) ? "" : ends.join("–")].filter(Boolean).join(" ");
  return parts.map(said).join(", ");
}

function key(kind, text) {
  return make("span", {}, make("i", { class: `key ${kind}` }), text);
}
