"""Fields of a report's entries: their names, by kind, and `--fields`, which chooses among them.

A field without a value (the row of a newline token, the score of a stage without words) is not-a-number, or None.
"""

from __future__ import annotations

from vlmtui.errors import UsageError

WHOLE = ("index", "grid", "row", "col")
"""Numbers that are counts, or none."""
NUMBERS = (*WHOLE, "x0", "y0", "x1", "y1", "inside", "norm", "z", "value", "score", "margin", "explained")
"""Fields that are a number an entry: `z` is the robust z-score of the norm among all of the stage's entries, `value`
the lens's, `score` the first word's, `margin` that over the second's, `explained` the share that a pursuit explains."""
TEXTS = ("image", "model", "stage", "kind", "word", "text")
"""Fields that are a text an entry: `word` the first word as it is shown, `text` as it is decoded, without the space
around it."""

FIELDS = (
    *("image", "model", "stage", "index", "kind", "grid", "row", "col", "box", "x0", "y0", "x1", "y1", "inside"),
    *("patches", "norm", "z", "value", "word", "text", "score", "margin", "explained", "words", "ids", "null"),
    *("agreement", "anatomy", "grids", "error"),
)
"""In a table `agreement`, `anatomy` and `grids` have no column; in JSON `grids` are those of the picture, `error` is
where it is."""

SIMPLE = frozenset((*NUMBERS, *TEXTS))
"""Those that are a single number or text."""


def parse_fields(words: str) -> tuple[str, ...]:
    """The fields named, in that order, each once; `UsageError` names those there are, or the one named twice."""
    found = tuple(word.strip() for word in words.split(","))
    for word in found:
        if word not in FIELDS:
            raise UsageError(f"--fields knows no {word!r}: choose {', '.join(FIELDS)}, with commas between")
        if found.count(word) > 1:
            raise UsageError(
                f"--fields names {word} more than once: a report has each field once, leave the others out"
            )
    return found
