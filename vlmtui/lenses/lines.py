"""A result in lines of label and value: what the facts panel, the text report and the page say, one function a kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from vlmtui.display.colours import hex_of, rgb
from vlmtui.display.numbers import count, figure
from vlmtui.display.pieces import isolate, plain, visible
from vlmtui.lenses.kinds import Colours, Facts, Kind, LayerWords, Matrix, Scalars, Scores, TokenMaps, Words

Line = tuple[str, str]

MOST = 64
"""Lines of a whole-image result; what is more is counted."""


def entry_lines(result: Kind, entry: int, tokens: Sequence[str] = ()) -> list[Line]:
    """What a result says of the entry in its row `entry`; `tokens` name the answer's tokens. Empty of a whole image."""
    match result:
        case Scalars():
            return [("value", figure(float(result.values[entry])))]
        case Colours():
            return [("colour", _colour(result, entry))]
        case Words():
            return _words(result, result.ids[entry], result.scores[entry])
        case LayerWords():
            layers = zip(result.ids[:, entry], result.scores[:, entry], strict=True)
            return [
                (f"llm.{layer}", "  ".join(f"{word} {score}" for word, score in _words(result, ids, scores)))
                for layer, (ids, scores) in enumerate(layers, 1)
            ]
        case TokenMaps():
            column = result.values[:, entry]
            return [(_token(tokens, row), figure(float(value))) for row, value in enumerate(column)]
        case Matrix() if "entry" in result.axes:
            axis = result.axes.index("entry")
            rest = tuple(name for name in result.axes if name != "entry")
            return _cells(np.take(result.values, entry, axis=axis), rest)
        case Facts():
            return [(isolate(plain(label)), _fact(value)) for label, value in result.rows]
    return []


def whole_lines(result: Kind) -> list[Line]:
    """What a result says of the whole image; empty of one that is an entry's."""
    match result:
        case Scores():
            order = np.argsort(-result.values, kind="stable")
            return [(isolate(plain(result.labels[i])), figure(float(result.values[i]))) for i in order[:MOST]]
        case Matrix() if "entry" not in result.axes:
            return _cells(result.values, result.axes)
    return []


def shape_line(result: Matrix) -> str:
    """`12 layers × 16 heads`."""
    parts = [count(size, axis, _plural(axis)) for size, axis in zip(result.values.shape, result.axes, strict=True)]
    return " × ".join(parts)


def _cells(values: Any, axes: Sequence[str]) -> list[Line]:
    """The cells of a matrix, largest first where there are too many."""
    flat = np.asarray(values).ravel()
    order = np.arange(len(flat)) if len(flat) <= MOST else np.argsort(-np.nan_to_num(flat, nan=-np.inf), kind="stable")
    lines = [(_at(np.unravel_index(i, np.shape(values)), axes), figure(float(flat[i]))) for i in order[:MOST]]
    return lines + ([("…", f"{len(flat) - MOST:,} smaller ones")] if len(flat) > MOST else [])


def _at(index: Sequence[Any], axes: Sequence[str]) -> str:
    return ", ".join(f"{axis} {int(i)}" for axis, i in zip(axes, index, strict=True)) or "value"


def _words(result: Words | LayerWords, ids: Any, scores: Any) -> list[Line]:
    found = []
    for id_, score in zip(ids.tolist(), scores.tolist(), strict=True):
        if id_ >= 0:
            found.append((visible(result.pieces.get(id_), result.strings.get(id_)), figure(score)))
    return found


def _colour(result: Colours, entry: int) -> str:
    values = result.values[entry]
    if result.signed or not np.isfinite(values).all():
        return " ".join(figure(float(value)) for value in values)
    return hex_of(rgb(values))


def _token(tokens: Sequence[str], row: int) -> str:
    return isolate(plain(tokens[row])) if row < len(tokens) else f"token {row}"


def _fact(value: Any) -> str:
    said: dict[type, Callable[[Any], str]] = {bool: lambda yes: "yes" if yes else "no", float: figure, int: str}
    if value is None:
        return figure(None)
    return said.get(type(value), lambda text: isolate(plain(str(text))))(value)


def _plural(axis: str) -> str:
    return f"{axis[:-1]}ies" if axis.endswith("y") else f"{axis}s"
