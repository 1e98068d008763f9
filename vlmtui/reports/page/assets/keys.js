// Keys: the explorer's, as far as there is the same to do.

const KEYS = [
  ["arrows, h j k l", "move", "a click moves the cursor; pointing shows a patch without moving it"],
  ["Home End, PgUp PgDn", "ends of the row or column; with Ctrl the first or last"],
  ["[ ]", "previous / next stage"],
  ["m M", "next / previous metric"],
  ["o", "overlay: top-1 words, norms, none"],
  ["t T", "next / previous grid: whole image, each tile, tokens without a position"],
  ["/", "find a word; Enter, n and N step through the hits, Esc clears it"],
  ["z", "zoom in, and out again"],
  ["d", "light or dark"],
  ["?", "keys"],
];

const MOVES = {
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  h: [0, -1],
  l: [0, 1],
  k: [-1, 0],
  j: [1, 0],
};

/** One step on, over the gaps that a model leaves; at the edge nowhere. */
function move([down, right]) {
  const here = page();
  if (!here || state.entry < 0) return;
  if (here.grid === null) {
    const at = here.cells.indexOf(state.entry) + (down || right);
    if (at >= 0 && at < here.cells.length) toEntry(here.cells[at]);
    return;
  }
  let [row, col] = cellOf(state.entry);
  do {
    row += down;
    col += right;
    if (row < 0 || col < 0 || row >= here.rows || col >= here.cols) return toEntry(state.entry);
  } while (here.cells[row * here.cols + col] < 0);
  toEntry(here.cells[row * here.cols + col]);
}

/** As far as it goes in a direction. */
function moveFar(way) {
  for (let before = -1; before !== state.entry; ) {
    before = state.entry;
    move(way);
  }
}

function moveToEnd(last) {
  const there = [...page().cells].filter((entry) => entry >= 0);
  toEntry(last ? there.at(-1) : there[0]);
}

const DOES = {
  "[": () => stepStage(-1),
  "]": () => stepStage(1),
  m: () => stepMetric(1),
  M: () => stepMetric(-1),
  o: () => stepOverlay(),
  t: () => stepPage(1),
  T: () => stepPage(-1),
  n: () => stepHit(1),
  N: () => stepHit(-1),
  z: () => stepZoom(),
  d: () => turnLight(),
  "/": () => $("sought").select(),
  "?": () => showKeys(),
  Escape: () => seek(""),
};

const ENDS = {
  Home: [[0, -1], false],
  End: [[0, 1], true],
  PageUp: [[-1, 0], false],
  PageDown: [[1, 0], true],
};

function pressed(event) {
  if ($("keys").open || event.altKey || event.metaKey || event.defaultPrevented) return;
  const typing = event.target === $("sought");
  if (typing) {
    if (event.key === "Escape") {
      seek("");
      focusPicture();
    }
    return;
  }
  // the table is read and scrolled as any text
  const reading = $("table-section").contains(event.target);
  const ends = page() && state.entry >= 0 ? ENDS[event.key] : undefined;
  if (ends && !reading) {
    if (event.ctrlKey) moveToEnd(ends[1]);
    else moveFar(ends[0]);
  } else if (event.ctrlKey) return;
  else if (Object.hasOwn(MOVES, event.key) && !reading) move(MOVES[event.key]);
  else if (Object.hasOwn(DOES, event.key)) DOES[event.key]();
  else return;
  event.preventDefault();
}

function showKeys() {
  $("keys").showModal();
}

function listenToKeys() {
  document.addEventListener("keydown", pressed);
  $("help").addEventListener("click", showKeys);
  $("keys-close").addEventListener("click", () => $("keys").close());
  facts($("keys-list"), KEYS.map(([keys, ...what]) => [keys, what.join("; ")]));
}
