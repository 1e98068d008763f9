"""Action table: every action of the explorer with its key, defined once.

Bindings, the key bar, the command palette, `?`, the table of the documentation and the tests are made from it. Actions
of one `Group` share a line of `?` and a place in the key bar. Adding a key is one row here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from vlmtui.tui.actions import answer, cursor, lens, session
from vlmtui.tui.actions.context import ActionContext
from vlmtui.tui.overlays.listing import NO_LENSES
from vlmtui.tui.state import early_exit
from vlmtui.tui.state.image_level import scored_by
from vlmtui.tui.state.lens_choice import default_overlay, overlays
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import ATTRIBUTIONS, NAMED, WORDS, Selection
from vlmtui.tui.state.stages import ANSWER, PIXELS, llm_depth, of_tokens
from vlmtui.tui.widgets.bars import HELP, BarKey

GLYPHS = {
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
    "home": "Home",
    "end": "End",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "space": "Space",
    "enter": "Enter",
    "tab": "Tab",
    "escape": "Esc",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "plus": "+",
    "minus": "-",
    "slash": "/",
    "comma": ",",
    "full_stop": ".",
    "question_mark": "?",
    "ctrl+p": "Ctrl-P",
    "ctrl+l": "Ctrl-L",
    "ctrl+z": "Ctrl-Z",
    "ctrl+c": "Ctrl-C",
}


@dataclass(frozen=True)
class Situation:
    """Where the explorer is: what an offer of a key depends on. `narrow`: one panel is seen at a time."""

    results: Results
    selection: Selection
    narrow: bool = False

    @property
    def read(self) -> bool:
        """Whether the model has read the image."""
        return self.results.reading is not None

    @property
    def at_answer(self) -> bool:
        """Whether the answer is looked at."""
        return self.selection.stage == ANSWER

    @property
    def worded(self) -> bool:
        """Whether the model has words."""
        return self.results.model is None or not self.results.model.wordless

    @property
    def shows_words(self) -> bool:
        """Whether words are seen."""
        at_words = of_tokens(self.selection.stage) or early_exit.shows_early_exit(self.results, self.selection)
        return self.worded and at_words and not self.at_answer

    @property
    def scored_by(self) -> str:
        """What the whole image is scored by, where it is."""
        return "" if self.at_answer else scored_by(self.results.model)


Offer = Callable[[Situation], str]
"""What the key bar says of a group where it applies; "" where it does not."""


def nowhere(at: Situation) -> str:
    """Not in the key bar."""
    return ""


def _when(label: str, applies: Callable[[Situation], bool]) -> Offer:
    return lambda at: label if applies(at) else ""


def _read(label: str) -> Offer:
    return _when(label, lambda at: at.read)


def _elsewhere(label: str) -> Offer:
    return _when(label, lambda at: at.read and not at.at_answer)


def _at_answer(label: str) -> Offer:
    return _when(label, lambda at: at.read and at.at_answer)


@dataclass(frozen=True)
class Group:
    """Actions that are one matter: `keys` as `?` writes them, its `help` line, what the key bar has of it.

    `rank` orders the key bar; `bar` is how it writes the keys, where that is shorter.
    """

    keys: str
    help: str
    offer: Offer = nowhere
    rank: int = 100
    bar: str = ""


@dataclass(frozen=True)
class Action:
    """One row. `name` is also its id in Textual's keymap, which can give it other keys; `title` is what the palette
    calls it, `synonyms` are other words that find it there. `do` is a function, or an action of Textual's. One that is
    alone in its matter has its `help` line here, and needs no row in `GROUPS`."""

    name: str
    group: str
    title: str
    keys: str
    do: Callable[[ActionContext], object] | str
    synonyms: str = ""
    help: str = ""

    @property
    def call(self) -> str:
        """The action as Textual runs it."""
        return self.do if isinstance(self.do, str) else f"screen.do('{self.name}')"

    @property
    def key(self) -> str:
        """Its first key, as it is written."""
        return shown_keys(self.keys.split(",")[:1])


GROUPS: dict[str, Group] = {
    "move": Group("← ↑ ↓ →  h j k l", "move the cursor by one patch", _read("move"), 1, "←↑↓→"),
    "column": Group("Home End", "to the first, the last column"),
    "quarter": Group("PgUp PgDn", "up, down by a quarter of the picture"),
    "page": Group(
        "t  T",
        "the next, the page before: whole view, tiles, tokens in no grid",
        _when("tile", lambda at: len(at.results.pages(at.selection.stage)) > 1),
        2,
        "t T",
    ),
    "zoom": Group(
        "z  Z",
        "zoom in, out: a tile's patches, then 2×, 4×, 8×; also the wheel",
        _when("zoom", lambda at: at.read and at.results.shown(at.selection) is at.results.page(at.selection)),
        3,
        "z Z",
    ),
    "pixel": Group(
        "Enter",
        "at pixels: into the patch, pixel by pixel; Enter or Esc goes back",
        lambda at: ("patches" if at.selection.pixel else "pixels") if at.read and at.selection.stage == PIXELS else "",
        9,
    ),
    "go-to": Group("g", "go to a row and column (a grid's: 2:3,4), or to a pixel", _elsewhere("go to"), 41),
    "mouse": Group("mouse", "click a patch, a page, a stage; beside a tile: the tile there"),
    "stage": Group("[  ]", "one stage back, on: pixels, vision.0 …, tokens, llm.1 …", _read("stage"), 3, "[ ]"),
    "stop": Group("Esc", "stop the answer, the occlusion map; leave the layers being read"),
    "by-layer": Group(
        "w",
        "at llm stages: the first word after every layer, or this layer's words",
        _when("all layers", lambda at: at.read and llm_depth(at.selection.stage) is not None),
        12,
    ),
    "metric": Group(
        "m",
        "metric: l2, cosine, centred, dot, omp …; at llm stages there is none, but logits",
        _when("metric", lambda at: at.read and at.shows_words and llm_depth(at.selection.stage) is None),
        13,
    ),
    "early-exit": Group(
        "e",
        "at vision stages: words through the projector, an early exit; or none again",
        _when("early exit", lambda at: early_exit.has_early_exit(at.results, at.selection)),
        10,
    ),
    "words": Group(
        "+  -",
        "more, fewer words",
        _when("words", lambda at: at.read and at.shows_words and not at.selection.shows_layers),
        40,
        "+ -",
    ),
    "overlay": Group(
        "o",
        "overlay: "
        + ", ".join(
            "first words" if name == WORDS else name for name in (*NO_LENSES, *(one.name for one in overlays()))
        ),
        _elsewhere("overlay"),
        11,
    ),
    "find": Group(
        "/",
        "find a word: patches light up by how near they are to it",
        _when(
            "find",
            lambda at: (
                at.read and not at.at_answer and at.selection.stage != PIXELS and bool(at.worded or at.scored_by)
            ),
        ),
        14,
    ),
    "image": Group(
        "c",
        "vision towers: texts against the whole picture (CLIP, SigLIP), or its classes (ViT)",
        lambda at: at.scored_by if at.read else "",
        15,
    ),
    "next": Group("n  N", "to the next best, the best before, of the numbers of the overlay; of words by segment"),
    "mark": Group("Space  U", "mark the patch; take all marks away", _at_answer("mark"), 20, "Space"),
    "outliers": Group("V", "outliers of all pictures opened: by position or by content, at every stage"),
    "play": Group("p", f"play through the layers with the overlay ({default_overlay()} if there is none)"),
    "ask": Group(
        "a",
        "ask the model; its answer is the last stage, with what it looked at over the picture",
        _when("ask", lambda at: at.read and (at.at_answer or (at.worded and not at.scored_by))),
        16,
    ),
    "token": Group(
        ",  .", "another token of the answer, or the whole of it; also < > and the mouse", _at_answer("token"), 4, ", ."
    ),
    "attribution": Group("v", ", ".join(NAMED.get(one, one) for one in ATTRIBUTIONS), _at_answer("way"), 5),
    "layer": Group(
        "{  }", "attention, or the mask, of the layer before, the next; of all layers", _at_answer("layer"), 32, "{ }"
    ),
    "head": Group("H", "attention of the next head of that layer; of all heads", _at_answer("head"), 33),
    "occlude": Group(
        "O", "make the occlusion map: blocks of patches taken away, one after the other", _at_answer("occlusion"), 22
    ),
    "ablate": Group(
        "x", "ask again without the marked patches: their mean, zeros, or blurred", _at_answer("ablate"), 21
    ),
    "mask": Group("K", "the attention mask in the place of the picture, or the picture again", _at_answer("mask"), 23),
    "panel": Group("Tab", "narrow terminal: the next panel", _when("panel", lambda at: at.narrow), 0),
    "open": Group("i", "another picture: a path or an address", _when("picture", lambda at: not at.at_answer), 42),
    "model": Group("M", "another model", _when("model", lambda at: not at.at_answer), 43),
    "read": Group("r", "read the picture again"),
    "restart": Group("R", "start the model session again"),
    "copy": Group("y", "copy the patch's words, box and norms", _elsewhere("copy"), 45),
    "save": Group("s", "save the report", _elsewhere("save"), 44),
    "palette": Group("Ctrl-P", "find any action by name"),
    "redraw": Group("Ctrl-L", "paint the screen again, where something else has written on it"),
    "suspend": Group("Ctrl-Z", "back to the shell; fg returns"),
    "interrupt": Group("Ctrl-C", "stop what goes on: answer, map, layers, playing; twice where nothing does: quit"),
    "quit": Group("q", "quit", lambda at: "quit", 31),
}
"""In the order of `?`, after which those of `UNLISTED` come."""
UNLISTED: dict[str, Group] = {
    "help": Group("?", "help", lambda at: HELP, 30),
    "options": Group("", "the options of a lens"),
    "theme": Group("", "dark or light"),
    "screenshot": Group("", "save the screen"),
}
"""Groups without a line of `?`."""

NEXT_TOKEN, PREVIOUS_TOKEN = "full_stop,greater_than_sign", "comma,less_than_sign"
LAYER_ON, LAYER_BACK = "right_curly_bracket", "left_curly_bracket"

ACTIONS: tuple[Action, ...] = (
    Action("left", "move", "Cursor: left", "left,h", lambda c: cursor.move(c, 0, -1)),
    Action("right", "move", "Cursor: right", "right,l", lambda c: cursor.move(c, 0, 1)),
    Action("up", "move", "Cursor: up", "up,k", lambda c: cursor.move(c, -1, 0)),
    Action("down", "move", "Cursor: down", "down,j", lambda c: cursor.move(c, 1, 0)),
    Action("first-column", "column", "Cursor: the first column", "home", lambda c: cursor.to_column(c, False)),
    Action("last-column", "column", "Cursor: the last column", "end", lambda c: cursor.to_column(c, True)),
    Action("quarter-up", "quarter", "Cursor: up a quarter", "pageup", lambda c: cursor.quarter(c, -1)),
    Action("quarter-down", "quarter", "Cursor: down a quarter", "pagedown", lambda c: cursor.quarter(c, 1)),
    Action("pixel", "pixel", "Pixel: walk over the pixels of the patch", "enter", cursor.pixel, "rgb level normalised"),
    Action("go-to", "go-to", "Go to a patch or pixel", "g", cursor.go_to, "position row column"),
    Action("next-page", "page", "Page: the next tile or view", "t", lambda c: cursor.page(c, 1)),
    Action("previous-page", "page", "Page: the tile or view before", "T", lambda c: cursor.page(c, -1)),
    Action("zoom", "zoom", "Zoom: in", "z", lambda c: cursor.zoom(c, 1), "closer enlarge magnify"),
    Action("zoom-out", "zoom", "Zoom: out", "Z", lambda c: cursor.zoom(c, -1), "whole image smaller"),
    Action("previous-stage", "stage", "Stage: one back", "left_square_bracket", lambda c: cursor.stage(c, -1), "layer"),
    Action("next-stage", "stage", "Stage: one on", "right_square_bracket", lambda c: cursor.stage(c, 1), "layer"),
    Action("metric", "metric", "Metric: the next", "m", lens.metric, "distance cosine l2 omp"),
    Action("by-layer", "by-layer", "Words: the first after every layer", "w", lens.by_layer, "logit lens top-1"),
    Action("leave-layers", "stop", "Layers: leave them while they are being read", "", answer.leave_layers),
    Action("more-words", "words", "Words: one more", "plus,equals_sign", lambda c: lens.words(c, 1), "top-k"),
    Action("fewer-words", "words", "Words: one fewer", "minus", lambda c: lens.words(c, -1), "top-k"),
    Action("early-exit", "early-exit", "Early exit: through the projector", "e", lens.early_exit, "projector lens"),
    Action("overlay", "overlay", "Overlay: the next", "o", lens.next_overlay, "lens"),
    Action("options", "options", lens.OPTIONS, "", lens.options),
    Action("find", "find", "Find: light up the patches near a word", "slash", lens.find, "search"),
    Action("next-highest", "next", "Find: the next best patch", "n", lambda c: cursor.next_highest(c, 1), "highest"),
    Action("previous-highest", "next", "Find: the best patch before", "N", lambda c: cursor.next_highest(c, -1)),
    Action("image", "image", "Whole picture: texts against it, or its classes", "c", lens.image_level, "zero-shot"),
    Action("mark", "mark", "Mark: the patch under the cursor", "space", cursor.mark, "region"),
    Action("unmark", "mark", "Mark: take all away", "U", cursor.unmark),
    Action("outliers", "outliers", "Outliers from picture to picture: position or content", "V", lens.outliers),
    Action("play", "play", "Layers: play through them", "p", lens.play),
    Action("ask", "ask", "Ask: put a question to the model", "a", answer.ask, "generate prompt"),
    Action("stop", "stop", "Ask: stop the answer", "escape", answer.stop),
    Action("ablate", "ablate", "Ask: again without the marked patches (ablate)", "x", answer.ablate, "ablation"),
    Action("next-token", "token", "Answer: the next token", NEXT_TOKEN, lambda c: answer.token(c, 1)),
    Action("previous-token", "token", "Answer: the token before", PREVIOUS_TOKEN, lambda c: answer.token(c, -1)),
    Action("attribution", "attribution", f"Answer: {', '.join(ATTRIBUTIONS[:-1])}", "v", answer.attribution),
    Action("next-layer", "layer", "Attention: the next layer", LAYER_ON, lambda c: answer.layer(c, 1)),
    Action("previous-layer", "layer", "Attention: the layer before", LAYER_BACK, lambda c: answer.layer(c, -1)),
    Action("head", "head", "Attention: the next head", "H", answer.head),
    Action("occlude", "occlude", "Occlusion map: make it", "O", answer.occlude, "perturbation"),
    Action("mask", "mask", "Attention mask: draw it", "K", answer.mask, "causal"),
    Action("panel", "panel", "Panel: the next", "tab", session.panel),
    Action("open-image", "open", "Picture: open another", "i", session.open_image, "image file"),
    Action("choose-model", "model", "Model: choose another", "M", session.choose_model, "checkpoint"),
    Action("read-again", "read", "Picture: read it again", "r", session.read_again),
    Action("restart", "restart", "Session: start again", "R", session.restart),
    Action("copy", "copy", "Patch: copy words, box and norms", "y", session.copy, "clipboard"),
    Action("save", "save", "Report: save", "s", session.save, "export"),
    Action("theme", "theme", "Theme: dark or light", "", "app.switch_theme"),
    Action("help", "help", "Help: the keys", "question_mark", "screen.help"),
    Action("screenshot", "screenshot", "Screenshot: save as SVG", "", "app.save_screen"),
    Action("interrupt", "interrupt", "Stop what goes on; again where nothing does: quit", "ctrl+c", "app.interrupt"),
    Action("redraw", "redraw", "Screen: paint it again", "ctrl+l", "app.redraw", "refresh"),
    Action("suspend", "suspend", "Suspend to the shell", "ctrl+z", "app.suspend_process"),
    Action("quit", "quit", "Quit", "q,ctrl+q", "app.leave", "exit"),
)


def groups() -> dict[str, Group]:
    """Every matter with a line of `?`: those of `GROUPS`, and the actions that are alone in theirs."""
    alone = {one.name: Group(one.key, one.help) for one in ACTIONS if one.group not in {*GROUPS, *UNLISTED}}
    return {**GROUPS, **alone}


def action_named(name: str) -> Action:
    """The action of a name."""
    return next(action for action in ACTIONS if action.name == name)


def shown_keys(keys: Iterable[str]) -> str:
    """Keys as they are written."""
    return " ".join(GLYPHS.get(key.strip(), key.strip()) for key in keys)


def bar_keys(at: Situation, keymap: Mapping[str, str] | None = None) -> list[BarKey]:
    """What the key bar has to offer, most telling first; `keymap`: keys given to actions instead of the table's."""
    ranked = sorted({**groups(), **UNLISTED}.items(), key=lambda item: item[1].rank)
    said = [(_written(name, group, keymap or {}, bar=True), group.offer(at)) for name, group in ranked]
    return [(keys, label) for keys, label in said if label and keys]


def help_rows(keymap: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """Keys and what they do: the lines of `?`, and of the table of the documentation."""
    return [(_written(name, group, keymap or {}), group.help) for name, group in groups().items()]


def _written(name: str, group: Group, keymap: Mapping[str, str], bar: bool = False) -> str:
    """The keys of a group as they are written, also where the keymap has given its actions others."""
    of_group = [action for action in ACTIONS if name in (action.group, action.name)]
    if any(action.name in keymap for action in of_group):
        firsts = [keymap.get(action.name, action.keys).split(",")[0] for action in of_group]
        return shown_keys(first for first in firsts if first)
    return group.bar if bar and group.bar else group.keys
