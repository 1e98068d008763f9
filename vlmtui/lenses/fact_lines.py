"""Fact lines: any kind of result as lines of label and value, for one entry or for the whole image."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vlmtui.display.numbers import count, format_number
from vlmtui.display.pieces import UNNAMED, plain, visible
from vlmtui.lenses.kinds import (
    Colours,
    Facts,
    FactValue,
    Floats,
    LayerWords,
    Matrix,
    ResultKind,
    Scalars,
    Scores,
    TokenMaps,
    Words,
)

ENTRY_AXIS = "entry"
FROM_ONE = frozenset({"layer", "component"})
"""Axes whose indices count from 1; the others count from 0."""
LARGEST = 5
"""How many of the largest cells of a matrix are listed, where it has no row for the entry."""


class FactLine(NamedTuple):
    """A label and a value. `share` is the length of a bar, 0 to 1, where lines compare; below 0 for negatives."""

    label: str
    value: str
    share: float | None = None


def fact_lines(
    result: ResultKind, entry: int | None = None, *, most: int | None = None, joins: bool = False
) -> list[FactLine]:
    """The lines of a result; of a result with entries those of entry number `entry`, none without it.

    At most `most` lines: the best words or the largest numbers, and a last line with the number of those left out.
    `joins` says that the tokenizer's pieces mark where words begin.
    """
    match result:
        case Words():
            return _cut(_words(result, entry, joins), most)
        case LayerWords():
            return _cut(_layers(result, entry, joins), most)
        case Facts():
            return _cut([FactLine(plain(label), _fact(value)) for label, value in result.rows], most)
        case Matrix():
            return _matrix(result, entry, most)
        case Scores():
            order = np.argsort(-result.values.astype(np.float64), kind="stable").tolist()
            shares = _shares(result.values)
            return _cut(
                [FactLine(plain(result.labels[i]), format_number(float(result.values[i])), shares[i]) for i in order],
                most,
            )
        case TokenMaps():
            there = entry is not None and entry < result.values.shape[1]
            return _row(result.values[:, entry], "answer token", most) if there else []
        case Scalars():
            there = entry is not None and entry < len(result.values)
            return [FactLine("value", format_number(float(result.values[entry])))] if there else []
        case Colours():
            if entry is None or entry >= len(result.values):
                return []
            names = [f"component {i}" for i in (1, 2, 3)] if result.signed else ["red", "green", "blue"]
            numbers = result.values[entry].tolist()
            return [FactLine(name, format_number(number, 3)) for name, number in zip(names, numbers, strict=True)]
    raise TypeError(f"{type(result).__name__} is not a kind of result")


def is_image_level(result: ResultKind) -> bool:
    """Whether a result is about the whole image and not about entries."""
    return isinstance(result, Scores) or (isinstance(result, Matrix) and ENTRY_AXIS not in result.axes)


def word_label(result: Words | LayerWords, number: int, joins: bool = False) -> str:
    """A word of a result in display form; "" for an id that is no word."""
    if number < 0:
        return ""
    if not result.rows:
        return plain(result.strings.get(number) or "") or UNNAMED
    return visible(result.pieces.get(number), result.strings.get(number), joins)


def top_words(result: Words, joins: bool = False) -> list[str]:
    """The top-1 word of every entry, "" where it has none."""
    firsts = result.ids[:, 0].tolist() if result.ids.shape[1] else [-1] * len(result.ids)
    return [word_label(result, number, joins) for number in firsts]


def _words(result: Words, entry: int | None, joins: bool) -> list[FactLine]:
    if entry is None or entry >= len(result.ids):
        return []
    ids, scores = result.ids[entry].tolist(), result.scores[entry]
    shares = _shares(scores, from_last=True)
    return [
        FactLine(word_label(result, number, joins), _score(score), share)
        for number, score, share in zip(ids, scores.tolist(), shares, strict=True)
        if number >= 0
    ]


def _layers(result: LayerWords, entry: int | None, joins: bool) -> list[FactLine]:
    if entry is None or entry >= result.ids.shape[1]:
        return []
    lines = []
    for layer, (ids, scores) in enumerate(zip(result.ids[:, entry], result.scores[:, entry], strict=True), 1):
        said = [
            f"{word_label(result, number, joins)} {_score(score)}".rstrip()
            for number, score in zip(ids.tolist(), scores.tolist(), strict=True)
            if number >= 0
        ]
        lines.append(FactLine(f"layer {layer}", ", ".join(said) or "–"))
    return lines


def _matrix(result: Matrix, entry: int | None, most: int | None) -> list[FactLine]:
    axes = list(result.axes)
    values: np.ndarray = result.values
    if ENTRY_AXIS in axes and entry is not None:
        at = axes.index(ENTRY_AXIS)
        if entry >= values.shape[at]:
            return []
        values = np.asarray(values.take(entry, axis=at))
        del axes[at]
    if not axes:
        return [FactLine("value", format_number(float(values)))]
    if len(axes) == 1:
        return _row(values, axes[0], most)
    finite = values[np.isfinite(values)]
    lines = [FactLine("shape", ", ".join(count(many, axis) for many, axis in zip(values.shape, axes, strict=True)))]
    if not finite.size:
        return [*lines, FactLine("range", "no numbers")]
    lines.append(FactLine("range", f"{format_number(float(finite.min()))} to {format_number(float(finite.max()))}"))
    flat = np.where(np.isfinite(values), values, -np.inf).ravel().astype(np.float64)
    cells = [int(i) for i in np.argsort(-flat, kind="stable")[:LARGEST] if np.isfinite(flat[i])]
    shares = _shares(values.ravel())
    for i in cells:
        where = zip(axes, np.unravel_index(i, values.shape), strict=True)
        lines.append(
            FactLine(", ".join(_place(axis, int(at)) for axis, at in where), format_number(float(flat[i])), shares[i])
        )
    return lines if most is None else lines[:most]


def _row(values: Floats, axis: str, most: int | None) -> list[FactLine]:
    """Lines in the order of the axis; where there is no room for all, the largest first."""
    shares = _shares(values)
    order = list(range(len(values)))
    if most is not None and len(order) > most:
        ranked = np.argsort(-np.nan_to_num(values.astype(np.float64), nan=-np.inf), kind="stable").tolist()
        order = ranked
    return _cut([FactLine(_place(axis, i), format_number(float(values[i])), shares[i]) for i in order], most)


def _place(axis: str, at: int) -> str:
    return f"{axis} {at + (axis in FROM_ONE)}"


def _cut(lines: list[FactLine], most: int | None) -> list[FactLine]:
    if most is None or len(lines) <= most:
        return lines
    kept = max(0, most - 1)
    return [*lines[:kept], FactLine(f"… {len(lines) - kept} more", "")][:most]


def _shares(values: np.ndarray, from_last: bool = False) -> list[float | None]:
    """The lengths of bars: 1 for the largest magnitude; with `from_last` 0.2 for the last word to 1 for the first."""
    numbers = np.asarray(values, np.float64)
    finite = numbers[np.isfinite(numbers)]
    if not finite.size:
        return [None] * len(numbers)
    if from_last:
        low, high = float(finite.min()), float(finite.max())
        spread = high - low
        shares = 0.2 + 0.8 * (numbers - low) / spread if spread > 0 else np.ones_like(numbers)
    else:
        largest = float(np.abs(finite).max())
        shares = numbers / largest if largest > 0 else np.zeros_like(numbers)
    return [float(share) if np.isfinite(share) else None for share in shares]


def _score(score: float) -> str:
    return format_number(score) if np.isfinite(score) else ""


def _fact(value: FactValue) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float) or value is None:
        return format_number(value)
    return plain(" ".join(value.split())) or "–"
