"""Fields of a report's entries: their names, by kind, and `--fields`, which chooses among them.

A field without a value (the row of a newline token, the score of a stage without words) is not-a-number, or None.
"""

from __future__ import annotations

from vlmtui.errors import UsageError

WHOLE = ("index", "grid", "row", "col")
"""Fields that are whole numbers, or missing."""
NUMBERS = (*WHOLE, "x0", "y0", "x1", "y1", "inside", "norm", "z", "value", "score", "margin", "explained")
"""Fields with one number per entry: `z` is the robust z-score of the norm among all entries of the stage, `value` the
lens's, `score` the top-1 word's, `margin` its lead over the second, `explained` the share of the norm explained by a
pursuit."""
TEXTS = ("image", "model", "stage", "kind", "word", "text")
"""Fields with one text per entry: `word` the top-1 word as displayed, `text` as decoded, without surrounding space."""

FIELDS = (
    *("image", "model", "stage", "index", "kind", "grid", "row", "col", "box", "x0", "y0", "x1", "y1", "inside"),
    *("patches", "norm", "z", "value", "word", "text", "score", "margin", "explained", "words", "ids", "null"),
    *("agreement", "anatomy", "grids", "error"),
)
"""All fields. `agreement`, `anatomy` and `grids` have no column in a table; in JSON `grids` are those of the image, and
`error` stands in place of a report."""

SIMPLE = frozenset((*NUMBERS, *TEXTS))
"""Fields that are a single number or text."""


def parse_fields(words: str) -> tuple[str, ...]:
    """Parse `--fields` in the order given. Raises `UsageError` for an unknown field, or one named twice."""
    found = tuple(word.strip() for word in words.split(","))
    for word in found:
        if word not in FIELDS:
            raise UsageError(f"--fields has no {word!r}: choose {', '.join(FIELDS)}, separated by commas")
        if found.count(word) > 1:
            raise UsageError(f"--fields names {word} more than once: name each field once")
    return found
