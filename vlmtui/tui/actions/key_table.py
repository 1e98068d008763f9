"""Action table: every action of the explorer with its key, defined once.

Bindings, the key bar, the command palette, `?`, the table of the documentation and the tests are made from it. Actions
of one `Group` (`vlmtui.tui.actions.key_groups`) share a line of `?` and a place in the key bar. Adding a key is one row
here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from vlmtui.tui.actions import answer, cursor, lens, panels, session
from vlmtui.tui.actions.context import ActionContext
from vlmtui.tui.actions.key_groups import GROUPS, NUMBERS, SECTIONS, UNLISTED, Group
from vlmtui.tui.actions.situation import Situation
from vlmtui.tui.state.selection import ATTRIBUTIONS
from vlmtui.tui.widgets.bars import QUIT, BarKey

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
    "ctrl+o": "Ctrl-O",
    "ctrl+z": "Ctrl-Z",
    "ctrl+c": "Ctrl-C",
}


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


def _fold(number: int) -> Callable[[ActionContext], object]:
    return lambda context: panels.fold(context, number)


NEXT_TOKEN, PREVIOUS_TOKEN = "full_stop,greater_than_sign", "comma,less_than_sign"
LAYER_ON, LAYER_BACK = "right_curly_bracket", "left_curly_bracket"

ACTIONS: tuple[Action, ...] = (
    Action("left", "move", "Cursor: left", "left,h", lambda c: cursor.move(c, 0, -1)),
    Action("right", "move", "Cursor: right", "right,l", lambda c: cursor.move(c, 0, 1)),
    Action("up", "move", "Cursor: up", "up,k", lambda c: cursor.move(c, -1, 0)),
    Action("down", "move", "Cursor: down", "down,j", lambda c: cursor.move(c, 1, 0)),
    Action("first-column", "column", "Cursor: first column", "home", lambda c: cursor.to_column(c, False)),
    Action("last-column", "column", "Cursor: last column", "end", lambda c: cursor.to_column(c, True)),
    Action("quarter-up", "quarter", "Cursor: up a quarter", "pageup", lambda c: cursor.quarter(c, -1)),
    Action("quarter-down", "quarter", "Cursor: down a quarter", "pagedown", lambda c: cursor.quarter(c, 1)),
    Action("pixel", "pixel", "Pixel: step over the pixels of the patch", "enter", cursor.enter, "rgb level normalised"),
    Action("one-word", "one-word", "Words: that of the patch alone, or all", "", cursor.one_word, "segments choose"),
    Action("go-to", "go-to", "Go to a patch or pixel", "g", cursor.go_to, "position row column"),
    Action("next-page", "page", "Tile: next", "t", lambda c: cursor.page(c, 1)),
    Action("previous-page", "page", "Tile: previous", "T", lambda c: cursor.page(c, -1)),
    Action("zoom", "zoom", "Zoom: in", "z", lambda c: cursor.zoom(c, 1), "closer enlarge magnify tile"),
    Action("zoom-out", "zoom", "Zoom: out", "Z", lambda c: cursor.zoom(c, -1), "whole image smaller"),
    Action(
        "shape", "shape", "Image: as in the file, or as the model sees it", "P", cursor.shape, "squashed square crop"
    ),
    Action("previous-stage", "stage", "Stage: previous layer", "left_square_bracket", lambda c: cursor.stage(c, -1)),
    Action("next-stage", "stage", "Stage: next layer", "right_square_bracket", lambda c: cursor.stage(c, 1)),
    Action("metric", "metric", "Metric: next", "m", lens.metric, "distance cosine l2 omp"),
    Action("by-layer", "by-layer", "Words: top-1 per layer", "w", lens.by_layer, "logit lens"),
    Action("leave-layers", "stop", "Layers: stop reading them", "", answer.leave_layers),
    Action("more-words", "words", "Words: one more", "plus,equals_sign", lambda c: lens.words(c, 1), "top-k"),
    Action("fewer-words", "words", "Words: one fewer", "minus", lambda c: lens.words(c, -1), "top-k"),
    Action("fold-spellings", "spellings", "Words: fold the spellings of a word, or not", "F", lens.fold, "case space"),
    Action("early-exit", "early-exit", "Projector lens: on or off", "e", lens.early_exit, "early exit"),
    Action("overlay", "overlay", "Overlay: next", "o", lambda c: lens.next_overlay(c, 1), "lens"),
    Action("previous-overlay", "overlay", "Overlay: previous", "ctrl+o", lambda c: lens.next_overlay(c, -1), "lens"),
    Action("options", "options", lens.OPTIONS, "", lens.options),
    Action("find", "find", "Find: colour patches by similarity to a word", "slash", lens.find, "search"),
    Action("next-highest", "next", "Overlay: next highest value", "n", lambda c: cursor.next_highest(c, 1), "find"),
    Action("previous-highest", "next", "Overlay: previous highest value", "N", lambda c: cursor.next_highest(c, -1)),
    Action("image", "image", "Whole image: texts, or its classes", "c", lens.image_level, "zero-shot classify"),
    Action("mark", "mark", "Mark: the patch under the cursor", "space", cursor.mark, "region"),
    Action("unmark", "mark", "Mark: remove all", "U", cursor.unmark),
    Action("outliers", "outliers", "Outliers across images: position or content", "V", lens.outliers),
    Action("play", "play", "Layers: play through", "p", lens.play),
    Action("ask", "ask", "Ask: the model a question", "a", answer.ask, "generate prompt"),
    Action("stop", "stop", "Ask: stop the answer", "escape", answer.stop),
    Action(
        "ablate", "ablate", "Ask: again without the marked patches (ablation)", "x", answer.ablate, "ablate replace"
    ),
    Action("next-token", "token", "Answer: next token", NEXT_TOKEN, lambda c: answer.token(c, 1)),
    Action("previous-token", "token", "Answer: previous token", PREVIOUS_TOKEN, lambda c: answer.token(c, -1)),
    Action("attribution", "attribution", f"Attribution: {', '.join(ATTRIBUTIONS[:-1])}", "v", answer.attribution),
    Action("next-layer", "layer", "Attention: next layer", LAYER_ON, lambda c: answer.layer(c, 1)),
    Action("previous-layer", "layer", "Attention: previous layer", LAYER_BACK, lambda c: answer.layer(c, -1)),
    Action("head", "head", "Attention: next head", "H", answer.head),
    Action("occlude", "occlude", "Occlusion map: compute", "O", answer.occlude, "perturbation"),
    Action("mask", "mask", "Attention mask: show or hide", "K", answer.mask, "causal"),
    Action("full", "full", "Image: the whole screen, or the panels again", "f", panels.image_alone, "fullscreen"),
    *(Action(f"panel-{n}", "fold", f"Panel {n}: fold, or show", str(n), _fold(n), "hide") for n in NUMBERS),
    Action("panel", "panel", "Panel: next", "tab", panels.turn_to_next),
    Action("open-image", "open", "Image: open another", "i", session.open_image, "image file"),
    Action("choose-model", "model", "Model: choose another", "M", session.choose_model, "checkpoint"),
    Action("read-again", "read", "Image: read again", "r", session.read_again),
    Action("restart", "restart", "Session: restart", "R", session.restart),
    Action("copy", "copy", "Patch: copy words, box and norms", "y", session.copy, "clipboard"),
    Action("save", "save", "Report: save", "s", session.save, "export"),
    Action("theme", "theme", "Theme: dark or light", "", "app.switch_theme"),
    Action("help", "help", "Help: the keys", "question_mark", "screen.help"),
    Action("screenshot", "screenshot", "Screenshot: save as SVG", "", "app.save_screen"),
    Action("interrupt", "interrupt", "Stop what is running; when idle, quit", "ctrl+c", "app.interrupt"),
    Action("redraw", "redraw", "Screen: repaint", "ctrl+l", "app.redraw", "refresh"),
    Action("suspend", "suspend", "Suspend to the shell", "ctrl+z", "app.suspend_process"),
    Action("quit", "quit", "Quit", "q,ctrl+q", "app.leave", "exit"),
)


def groups() -> dict[str, Group]:
    """Every matter with a line of `?`: those of `GROUPS`, and the actions that are alone in theirs, each below the
    matter of the action before it."""
    names, before = list(GROUPS), 0
    found = dict(GROUPS)
    for one in ACTIONS:
        if one.group not in {*GROUPS, *UNLISTED}:
            found[one.name] = Group(one.key, one.help)
            names.insert(before, one.name)
            before += 1
        elif one.group in GROUPS:
            before = names.index(one.group) + 1
    return {name: found[name] for name in names}


def action_named(name: str) -> Action:
    """The action of a name."""
    return next(action for action in ACTIONS if action.name == name)


def shown_keys(keys: Iterable[str]) -> str:
    """Keys as they are written."""
    return " ".join(GLYPHS.get(key.strip(), key.strip()) for key in keys)


def bar_keys(at: Situation, keymap: Mapping[str, str] | None = None) -> list[BarKey]:
    """What the key bar has to offer, most telling first; `keymap`: keys given to actions instead of the table's.

    Where the terminal is too small for anything, the way out alone.
    """
    ranked = sorted({**groups(), **UNLISTED}.items(), key=lambda item: item[1].rank_at(at))
    said = [(_written(name, group, keymap or {}, bar=True), group.offer(at)) for name, group in ranked]
    folded = [(_key_of(f"panel-{number}", keymap or {}), title.lower()) for number, title in at.hidden]
    back = [(_key_of("full", keymap or {}), "panels")] if at.alone else []
    offered = [(keys, label) for keys, label in [*back, *folded, *said] if label and keys]
    return [one for one in offered if one[1] == QUIT] if at.too_small else offered


def _key_of(name: str, keymap: Mapping[str, str]) -> str:
    """The first key of an action, as it is written; "" for a panel beyond the digits, which has none."""
    if name not in {action.name for action in ACTIONS}:
        return ""
    return shown_keys(keymap.get(name, action_named(name).keys).split(",")[:1])


HelpRow = tuple[str, str]
"""Keys, and what they do."""


def help_sections(keymap: Mapping[str, str] | None = None) -> list[tuple[str, list[HelpRow]]]:
    """Headings of `?`, and the lines below each."""
    found: list[tuple[str, list[HelpRow]]] = []
    for name, group in groups().items():
        if name in SECTIONS or not found:
            found.append((SECTIONS.get(name, "Keys"), []))
        found[-1][1].append((_written(name, group, keymap or {}), group.help))
    return found


def help_rows(keymap: Mapping[str, str] | None = None) -> list[HelpRow]:
    """All lines of `?`: those of the table of the documentation."""
    return [row for _, rows in help_sections(keymap) for row in rows]


def _written(name: str, group: Group, keymap: Mapping[str, str], bar: bool = False) -> str:
    """The keys of a group as they are written, also where the keymap has given its actions others."""
    of_group = [action for action in ACTIONS if name in (action.group, action.name)]
    if any(action.name in keymap for action in of_group):
        firsts = [keymap.get(action.name, action.keys).split(",")[0] for action in of_group]
        return shown_keys(first for first in firsts if first)
    return group.bar if bar and group.bar else group.keys
