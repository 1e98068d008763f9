"""Matters of the explorer's keys: what `?` and the key bar say of the actions that are one matter, in their order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vlmtui.tui.actions.situation import Situation
from vlmtui.tui.panels.registry import PANELS
from vlmtui.tui.state import early_exit
from vlmtui.tui.state.lens_choice import default_overlay
from vlmtui.tui.state.selection import ATTRIBUTIONS, NAMED, NORMS, Selection
from vlmtui.tui.state.stages import PIXELS, llm_depth
from vlmtui.tui.widgets.bars import HELP, QUIT

Offer = Callable[[Situation], str]
"""What the key bar says of a group where it applies; "" where it does not."""


def _layer_words(chosen: Selection) -> str:
    """Which words `w` shows next at a stage of the language model; "" at others."""
    if llm_depth(chosen.stage) is None:
        return ""
    return "this layer" if chosen.shows_layers else "all layers"


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


def _over_image(label: str) -> Offer:
    """At an answer, as long as the attention mask is not in the place of the image."""
    return _when(label, lambda at: at.read and at.at_answer and not at.masked)


@dataclass(frozen=True)
class Group:
    """Actions that are one matter: `keys` as `?` writes them, its `help` line, what the key bar has of it.

    `rank` orders the key bar, `rank_over_words` where words lie over the image, if it is another there; `bar` is how it
    writes the keys, where that is shorter.
    """

    keys: str
    help: str
    offer: Offer = nowhere
    rank: int = 100
    bar: str = ""
    rank_over_words: int | None = None

    def rank_at(self, at: Situation) -> int:
        """The rank where the explorer is."""
        return self.rank_over_words if self.rank_over_words is not None and at.over_words else self.rank


NUMBERS = range(1, min(len(PANELS), 9) + 1)
"""Of the panels that a digit folds."""

GROUPS: dict[str, Group] = {
    "move": Group(
        "← ↑ ↓ →  h j k l", "move the cursor by one patch", _when("move", lambda at: at.shows_cursor), 16, "←↑↓→"
    ),
    "column": Group("Home End", "to the first / last column"),
    "quarter": Group("PgUp PgDn", "up / down by a quarter of the image"),
    "page": Group(
        "t  T",
        "next / previous tile: whole image, tiles, tokens without a grid",
        _when("tile", lambda at: len(at.results.pages(at.selection.stage)) > 1),
        2,
        "t T",
    ),
    "zoom": Group(
        "z  Z",
        "zoom in / out: to a tile, then 2×, 4×, 8×; also the wheel",
        _when("zoom", lambda at: at.read and at.results.shown(at.selection) is at.results.page(at.selection)),
        14,
        "z Z",
    ),
    "shape": Group("P", "image as in the file / as the model sees it: squashed, cropped, padded"),
    "pixel": Group(
        "Enter",
        "at pixels: into the patch, pixel by pixel; Enter or Esc goes back",
        lambda at: ("patches" if at.selection.pixel else "pixels") if at.read and at.selection.stage == PIXELS else "",
        9,
    ),
    "one-word": Group(
        "Enter",
        "over words or segments: the word of the patch alone; Enter or Esc goes back to all of them",
        lambda at: ("all words" if at.one_word else "this word") if at.read and at.over_words else "",
        19,
    ),
    "go-to": Group("g", "go to a row and column (of a grid: 2:3,4), or to a pixel", _elsewhere("go to"), 41),
    "mouse": Group("mouse", "click a patch, label, word of the legend, tile or stage; beside a tile: the tile there"),
    "stage": Group("[  ]", "previous / next layer: pixels, vision.0 …, tokens, llm.1 …", _read("stage"), 3, "[ ]"),
    "by-layer": Group(
        "w",
        "at llm stages: top-1 per layer, or the words of this layer (logit lens)",
        lambda at: _layer_words(at.selection) if at.read else "",
        12,
    ),
    "metric": Group(
        "m",
        "metric: l2, cosine, centred, dot, omp …; llm stages have logits; segments: local words first",
        _when("metric", lambda at: at.read and at.shows_words and llm_depth(at.selection.stage) is None),
        12,
    ),
    "early-exit": Group(
        "e",
        "at vision stages: projector lens (words through the projector), on / off",
        _when("projector", lambda at: early_exit.has_early_exit(at.results, at.selection)),
        10,
    ),
    "words": Group(
        "+  -",
        "more / fewer words",
        _when("words", lambda at: at.read and at.shows_words and not at.selection.shows_layers),
        40,
        "+ -",
    ),
    "spellings": Group("F", "fold the spellings of a word (case, leading space) into one line, or list each"),
    "overlay": Group(
        "o  Ctrl-O", "next / previous overlay, of those that are listed below", _elsewhere("overlay"), 11, "o"
    ),
    "find": Group(
        "/",
        "find a word: the cursor goes to the patch most similar to it, and all are coloured by similarity",
        _when(
            "find",
            lambda at: (
                at.read and not at.at_answer and at.selection.stage != PIXELS and bool(at.worded or at.scored_by)
            ),
        ),
        12,
    ),
    "image": Group(
        "c",
        "whole image: zero-shot with texts (CLIP, SigLIP), or top classes (ViT)",
        lambda at: at.scored_by if at.read else "",
        15,
    ),
    "next": Group(
        "n  N",
        "to the highest value of the overlay, then the next in turn / back; over words to the next segment: of the "
        "same word, then of the next in the legend",
        lambda at: ("next" if at.over_words or at.at_answer else "in turn") if at.ranked else "",
        2,
        "n N",
        rank_over_words=11,
    ),
    "mark": Group("Space  U", "mark the patch / remove all marks", _over_image("mark"), 20, "Space"),
    "outliers": Group(
        "V",
        "outliers: where in this image; across the images opened, by position or by content",
        _when("outliers", lambda at: at.read and at.selection.overlay == NORMS and not at.at_answer),
        12,
    ),
    "play": Group("p", f"play through the layers with the overlay ({default_overlay()} if there is none)"),
    "ask": Group(
        "a",
        "ask the model; its answer is the last stage, with attribution over the image",
        _when("ask", lambda at: at.read and (at.at_answer or (at.worded and not at.scored_by))),
        13,
        rank_over_words=15,
    ),
    "token": Group(
        ",  .",
        "previous / next token of the answer, or all of it; also < > and the mouse",
        _at_answer("token"),
        1,
        ", .",
    ),
    "attribution": Group(
        "v", f"attribution: {', '.join(NAMED.get(one, one) for one in ATTRIBUTIONS)}", _over_image("attribution"), 1
    ),
    "layer": Group("{  }", "attention or mask: previous / next layer, or all layers", _at_answer("layer"), 32, "{ }"),
    "head": Group("H", "attention: next head of that layer, or all heads", _at_answer("head"), 33),
    "occlude": Group(
        "O", "occlusion map: blocks of patches are replaced, one after the other", _over_image("occlusion"), 2
    ),
    "ablate": Group(
        "x", "ask again with the marked patches replaced: mean token, zeros, blurred pixels", _over_image("ablate"), 21
    ),
    "mask": Group("K", "the attention mask instead of the image, or the image again", _at_answer("mask"), 23),
    "stop": Group("Esc", "stop the answer, the occlusion map, or reading the llm layers"),
    "full": Group(
        "f",
        "the whole screen for the image, with one line on the patch under the cursor; or the panels again",
        lambda at: "full" if at.read and not at.alone else "",
        14,
    ),
    "fold": Group(
        " ".join(map(str, NUMBERS)),
        f"fold a panel, or show it: {', '.join(f'{i} {PANELS[i - 1].title}' for i in NUMBERS)}",
    ),
    "panel": Group("Tab", "next panel, where not all are seen"),
    "open": Group("i", "open another image: a path or an address", _when("image", lambda at: not at.at_answer), 42),
    "model": Group("M", "choose another model", _when("model", lambda at: not at.at_answer), 43),
    "read": Group("r", "read the image again"),
    "restart": Group("R", "restart the model session"),
    "copy": Group("y", "copy the patch's words, box and norms", _elsewhere("copy"), 45),
    "save": Group("s", "save the report, in any format but gif", _elsewhere("save"), 44),
    "palette": Group("Ctrl-P", "find any action by name"),
    "redraw": Group("Ctrl-L", "repaint the screen, where another program has written on it"),
    "suspend": Group("Ctrl-Z", "back to the shell; fg returns"),
    "interrupt": Group("Ctrl-C", "stop what is running: answer, map, layers, playing; when idle, twice: quit"),
    "quit": Group("q", "quit", lambda at: QUIT, 31),
}
"""In the order of `?`, after which those of `UNLISTED` come."""
SECTIONS = {
    "move": "Cursor and zoom",
    "stage": "Stages and words",
    "overlay": "Overlays",
    "ask": "Answer",
    "full": "Panels",
    "open": "Image, model, report",
    "palette": "Program",
}
"""Headings of `?`, each by the first group below it."""
UNLISTED: dict[str, Group] = {
    "help": Group("?", "help", lambda at: HELP, 30),
    "options": Group("", "the options of a lens"),
    "theme": Group("", "dark or light"),
    "screenshot": Group("", "save the screen"),
}
"""Groups without a line of `?`."""
