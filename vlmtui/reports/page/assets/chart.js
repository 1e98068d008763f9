// Norms through depth: bars over the band and the median of all entries; outliers red, the stage looked at marked.

const ROOM_ABOVE = 1.2;
const TALL = 120;

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

/** The z of the worst of a block's entries at a layer; undefined where none is an outlier. */
function worstAt({ chart, columns }, layer) {
  const there = columns.filter((column) => chart.outliers[layer].has(column)).map((column) => chart.outliers[layer].get(column) ?? Infinity);
  return there.length ? there.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a)) : undefined;
}

function showNorms() {
  const all = blocks();
  const about = all.map(({ chart }) => {
    const [first, last] = [chart.names[0], chart.names.at(-1)];
    return first === "tokens" ? last.replace(".", " 1–") : `vision 0–${chart.names.length - 1}`;
  });
  $("norms-about").textContent = all.length ? `${about.join(", ")} · L2${all.length > 1 ? ", own scales" : ""}` : "its vision patches are not known";
  $("chart").replaceChildren(...all.map(drawn));
  showNormsLegend(all);
}

function drawn(block) {
  const { chart, here } = block;
  const many = chart.names.length;
  const values = chart.names.map((_, layer) => valueAt(block, layer));
  const top = Math.max(ROOM_ABOVE * Math.max(...chart.bands.map((band) => band[2] ?? 0)), ...values.filter(Number.isFinite)) || 1;
  const y = (value) => TALL - (TALL * Math.max(0, value)) / top;
  const parts = [];
  chart.names.forEach((name, layer) => {
    const [low, median, high] = chart.bands[layer];
    const flagged = worstAt(block, layer) !== undefined;
    const column = svg("g", {}, svg("title", {}, `${name}: ${figure(values[layer])}${low === null ? "" : `, median of all ${figure(median)}`}`));
    column.append(svg("rect", { class: "all", x: layer, y: 0, width: 1, height: TALL }));
    if (low !== null) column.append(svg("rect", { class: "band", x: layer, y: y(high), width: 1, height: Math.max(0.5, y(low) - y(high)) }));
    if (Number.isFinite(values[layer])) {
      const bar = svg("rect", { class: flagged ? "outlier" : "measured", x: layer + 0.08, y: y(values[layer]), width: 0.84, height: TALL - y(values[layer]) });
      column.append(bar);
    }
    if (low !== null) column.append(svg("line", { class: "median", x1: layer, x2: layer + 1, y1: y(median), y2: y(median) }));
    column.addEventListener("click", () => toStage(name));
    parts.push(column);
  });
  const figureOf = make("div", { class: "block" });
  figureOf.style.flexGrow = String(Math.max(many, 4));
  figureOf.style.maxWidth = `${4 + 4.5 * many}rem`;
  const picture = svg("svg", { viewBox: `0 0 ${many} ${TALL}`, preserveAspectRatio: "none", role: "img", "aria-label": describe(block, values) }, ...parts);
  const scale = make("div", { class: "scale" }, make("span", {}, figure(top, 3)), make("span", {}, figure(top / 2, 3)), make("span", {}, "0"));
  const axis = make("div", { class: "axis", "aria-hidden": "true" });
  const every = Math.ceil(many / 12);
  chart.names.forEach((name, layer) => {
    const brief = name === "tokens" ? "t" : name.replace(/^\w+\./, "");
    const far = here < 0 || Math.abs(layer - here) >= every || layer === here;
    const label = make("span", { class: layer === here ? "here" : "" }, layer === here || (far && (layer % every === 0 || layer === many - 1)) ? brief : "");
    axis.append(label);
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
  const flagged = all.flatMap((block) => block.chart.names.map((name, layer) => [name, worstAt(block, layer)])).filter(([, z]) => z !== undefined);
  const columns = all[0]?.columns.length ?? 0;
  if (columns) parts.push(key("measured", columns > 1 ? `mean of its ${columns} patches` : "this patch"));
  else if (entry >= 0 && charts.patches.names.length) parts.push(make("span", {}, "it has no patches of its own"));
  parts.push(key("band", "5–95% of all"), key("median", "median"));
  if (flagged.length) {
    const worst = flagged.reduce((a, b) => (Math.abs(b[1]) > Math.abs(a[1]) ? b : a));
    const z = Number.isFinite(worst[1]) ? `z ${worst[1].toFixed(1)}` : "not finite";
    parts.push(make("span", { class: "flag" }, `▲ outlier at ${runs(flagged.map(([name]) => name))}: ${z}`));
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
  return parts.map(([of, ...ends]) => [of, Number.isNaN(ends[0]) ? "" : ends.join("–")].filter(Boolean).join(" ")).join(", ");
}

function key(kind, text) {
  return make("span", {}, make("i", { class: `key ${kind}` }), text);
}
