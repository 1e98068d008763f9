"""Ratios between two checkouts that were measured in turns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

Measurements = dict[str, float]
"""One number for each thing measured; its unit is in the name, after the last comma."""


def ratio_lines(rounds: Sequence[Sequence[Measurements]]) -> Iterator[str]:
    """One line of a Markdown table for each thing measured.

    `rounds` has a pair of measurements for each round, this checkout's first. The ratio is the median of the rounds'
    ratios, with the smallest and the largest.
    """
    for name in rounds[0][0]:
        pairs = [tuple(measurements[name] for measurements in pair) for pair in rounds]
        this, other = (median(numbers) for numbers in zip(*pairs, strict=True))
        ratios = [mine / theirs for mine, theirs in pairs]
        what, _, unit = name.rpartition(", ")
        spread = f"{median(ratios):.2f} ({min(ratios):.2f}, {max(ratios):.2f})"
        yield f"| {what} | {_number(this)} {unit} | {_number(other)} {unit} | {spread} |"


def _number(number: float) -> str:
    return f"{number:.3g}" if number < 1000 else f"{number:,.0f}"
