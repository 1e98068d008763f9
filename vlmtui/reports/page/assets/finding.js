// Finding a word: the patches that hold it among their words light up, the better the rank the brighter.

const plainly = (text) => text.trim().normalize("NFC").toLowerCase();
const sayings = data.pieces.map(([, shown, said]) => [plainly(shown), plainly(said)]);

let fresh = true;
let remembered = { key: "", hits: new Map(), inOrder: [], how: "" };

/** The rows of the table of pieces that are meant: those that are the word, or else begin with it, or else hold it. */
function meant(word) {
  const ways = [
    ["", (said) => said === word],
    ["that begin with it", (said) => said.startsWith(word)],
    ["that contain it", (said) => said.includes(word)],
  ];
  for (const [how, fits] of ways) {
    const rows = new Set();
    sayings.forEach((both, row) => both.some((said) => said && fits(said)) && rows.add(row));
    if (rows.size) return { how, rows };
  }
  return { how: "", rows: new Set() };
}

/** The entries of the stage that hold the word: entry -> its best rank, from 0, and the piece. */
function hits() {
  const word = plainly(state.sought);
  const here = found();
  const key = JSON.stringify([word, state.stage, order()]);
  if (remembered.key === key) return remembered.hits;
  const entries = new Map();
  const { how, rows } = word && here ? meant(word) : { how: "", rows: new Set() };
  const many = entriesOf[stage().of].count;
  for (let entry = 0; rows.size && entry < many; entry++) {
    for (let rank = 0; rank < here.k; rank++) {
      const at = entry * here.k + rank;
      if (rows.has(here.ids[at])) {
        entries.set(entry, { rank, row: here.ids[at], score: here.scores[at] });
        break;
      }
    }
  }
  const size = (hit) => (here.sizes ? Math.abs(hit.score) : hit.score);
  const inOrder = [...entries].sort(([, a], [, b]) => a.rank - b.rank || size(b) - size(a)).map(([entry]) => entry);
  remembered = { key, hits: entries, inOrder, how, pieces: rows };
  return entries;
}

/** Look for a word from now on; for none with "". The first step is then to the best of the hits. */
function seek(word) {
  fresh = true;
  state.sought = word;
  if ($("sought").value !== word) $("sought").value = word;
  changed(true);
  if (word) $("said").textContent = "";
}

/** To the next highest of the hits, or the previous. */
function stepHit(by) {
  if (!state.sought || !hits().size) return;
  const { inOrder } = remembered;
  const at = fresh ? -1 : inOrder.indexOf(state.entry);
  fresh = false;
  const next = at < 0 ? (by > 0 ? 0 : inOrder.length - 1) : (at + by + inOrder.length) % inOrder.length;
  toHit(inOrder[next]);
}

/** To an entry on whatever page. */
function toHit(entry) {
  const where = pages().findIndex((one) => one.at.has(entry));
  if (where !== state.page) toPage(where, entry);
  else toEntry(entry);
}

function showFound() {
  const line = $("found");
  for (const id of ["before", "next"]) $(id).disabled = !state.sought || !hits().size;
  if (!state.sought) return line.replaceChildren();
  if (!found()) return line.replaceChildren(`${state.stage} has no words to search`);
  const there = hits();
  const sought = make("bdi", {}, state.sought);
  if (!there.size) return line.replaceChildren("no patch here has ", sought, ` in its top ${data.k}`);
  const first = [...there.values()].filter((hit) => hit.rank === 0).length;
  const at = remembered.inOrder.indexOf(state.entry);
  const many = entriesOf[stage().of].count;
  const what = stage().of === "tokens" ? "tokens" : "patches";
  const pieces = [...new Set([...there.values()].map((hit) => data.pieces[hit.row][1]))];
  const some = make("bdi", {}, pieces.slice(0, 4).join(" "));
  const which = remembered.how ? [`words ${remembered.how}: `, some, pieces.length > 4 ? " … · " : " · "] : [];
  const hit = at >= 0 ? ` · hit ${at + 1}` : "";
  line.replaceChildren(...which, `${grouped(there.size)} of ${grouped(many)} ${what}, top-1 in ${grouped(first)}${hit}`);
}

/** What may be typed: the pieces that occur at this stage, the most frequent ones first. */
function suggest() {
  const here = found();
  const seen = new Map();
  if (here) for (const row of here.ids) if (row >= 0) seen.set(row, (seen.get(row) ?? 0) + 1);
  const best = [...seen].sort((a, b) => b[1] - a[1]).slice(0, 200);
  $("pieces").replaceChildren(...best.map(([row]) => make("option", { value: data.pieces[row][1] })));
}

function listenToFinding() {
  $("sought").addEventListener("input", (event) => seek(event.target.value));
  $("sought").addEventListener("focus", suggest);
  $("find").addEventListener("submit", (event) => {
    event.preventDefault();
    stepHit(1);
    focusPicture();
  });
  $("next").addEventListener("click", () => stepHit(1));
  $("before").addEventListener("click", () => stepHit(-1));
}
