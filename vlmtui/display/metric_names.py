"""Names of metrics and of their scores, on the screen and in reports."""

from __future__ import annotations

from collections.abc import Iterable

from vlmtui.display.numbers import format_number
from vlmtui.metrics import PURSUITS, WordOrder

COEFFICIENTS: tuple[WordOrder, ...] = (*PURSUITS, "ridge", "pinv")
"""Orders whose scores are coefficients of a sum, with meaningful magnitude and sign."""
SCORES: dict[WordOrder, str] = {
    "l2": "l2 distance",
    "cosine": "cosine",
    "cosine-centred": "centred cosine",
    "dot": "dot product",
    "omp": "omp coefficient",
    "omp-positive": "omp-positive coefficient",
    "ridge": "ridge coefficient",
    "pinv": "pinv coefficient",
    "logit": "logit",
}


NEAR_LENGTHS = 0.5, 2.0
"""Image tokens so many times as long as words are of their length."""


def length_warning(orders: Iterable[WordOrder], ratio: float | None) -> str:
    """That image tokens are `ratio` times as long as words, where that decides one of the orders; else ""."""
    decided = [order for order in orders if order in ("l2", "dot")]
    if not decided or ratio is None or NEAR_LENGTHS[0] <= ratio <= NEAR_LENGTHS[1]:
        return ""
    subject = f"{decided[0]} orders" if len(decided) == 1 else f"{' and '.join(decided)} order"
    return f"image tokens are {format_number(ratio, 2)} times as long as words: {subject} by the words' length"


def search_phrase(order: WordOrder, ridge: float | None) -> str:
    """How words were found, to follow their number: `nearest by l2 distance`, `with the largest logits`."""
    if order == "logit":
        return "with the largest logits"
    if order in PURSUITS:
        return f"picked by {order}, in that order,"
    if order in ("ridge", "pinv"):
        return f"with the largest coefficients under {metric_name(order, ridge)}"
    return f"nearest by {SCORES.get(order, order)}"


def shown_score(order: str | None, score: float) -> float:
    """The score as people read it: under l2 the distance, which is positive, instead of minus the distance."""
    return 0.0 - score if order == "l2" else score


def score_head(order: WordOrder, cells: int, by_order: bool = False) -> str:
    """The head of a column of scores, in at most so many cells where that can be: `centred cosine`, or `cosine`.

    `by_order`: `centred` rather, which tells one order from another where nothing else beside it does.
    """
    name = SCORES.get(order, order)
    brief = name.partition(" ")[0] if by_order else name.rpartition(" ")[2]
    return name if len(name) <= cells else brief


def metric_name(order: WordOrder, ridge: float | None) -> str:
    """The name of an order with its parameter: `ridge (λ 0.1)`."""
    return f"{order} (λ {ridge:g})" if order == "ridge" and ridge is not None else order


def score_name(order: WordOrder, ridge: float | None) -> str:
    """The name of a score with its parameter: `ridge coefficient, λ 0.1`."""
    return f"{SCORES[order]}, λ {ridge:g}" if order == "ridge" and ridge is not None else SCORES[order]
