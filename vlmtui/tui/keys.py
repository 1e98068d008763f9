"""The keys named at the foot of the screen: those that do something where one stands. Pure functions."""

from __future__ import annotations

from vlmtui.tui.state import early_exit
from vlmtui.tui.state.image_level import said_by
from vlmtui.tui.state.results import Results, Selection
from vlmtui.tui.state.stages import ANSWER, PIXELS, llm_depth, of_tokens

Key = tuple[str, str]
"""A key and what it does."""

MOVE, STAGE = ("←↑↓→", "move"), ("[ ]", "stage")
ALL: Key = ("?", "help")
"""Tells of all the others."""
HELP: tuple[Key, ...] = (ALL, ("q", "quit"))
OCCLUSION = "occlusion"
MASK = "mask"
FIND = "find"
"""What keys do, which is more than a lens of that name."""
OF_ANSWERS: tuple[Key, ...] = (
    (", .", "token"),
    ("v", "way"),
    ("a", "ask"),
    ("Space", "mark"),
    ("x", "ablate"),
    ("O", OCCLUSION),
    ("K", MASK),
    *HELP,
    ("{ }", "layer"),
    ("H", "head"),
)
OF_ALL: tuple[Key, ...] = (("g", "go to"), ("i", "picture"), ("M", "model"), ("s", "save"), ("y", "copy"))


def keys(results: Results, selection: Selection, narrow: bool) -> list[Key]:
    """The most telling first; `narrow`: one panel is seen at a time."""
    pages: list[Key] = [("t T", "tile")] if len(results.pages(selection.stage)) > 1 else []
    first = [*([("Tab", "panel")] if narrow else []), MOVE, *pages, STAGE]
    if selection.stage == ANSWER:
        return [*first, *OF_ANSWERS]
    model, layer = results.model, llm_depth(selection.stage) is not None
    words = model is None or not model.wordless
    seen = words and (of_tokens(selection.stage) or early_exit.on(results, selection))
    whole = said_by(model)
    there: list[Key] = []
    if early_exit.possible(results, selection):
        there.append(("e", "early exit"))
    there.append(("o", "overlay"))
    if layer:
        there.append(("w", "all layers"))
    elif seen:
        there.append(("m", "metric"))
    if (words or whole) and selection.stage != PIXELS:
        there.append(("/", FIND))
    if whole:
        there.append(("c", whole))
    elif words:
        there.append(("a", "ask"))
    more: list[Key] = [("+ -", "words")] if seen and not selection.shows_layers else []
    return [*first, *there, *HELP, *more, *OF_ALL]
