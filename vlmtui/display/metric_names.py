"""What the orders of words are called, and what their scores are: on the screen and in the reports the same."""

from __future__ import annotations

from vlmtui.metrics import PURSUITS, WordOrder

COEFFICIENTS: tuple[WordOrder, ...] = (*PURSUITS, "ridge", "pinv")
"""Those whose scores are parts of a sum: their size matters, and their sign."""
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


def search_phrase(order: WordOrder, ridge: float | None) -> str:
    """After a number of words: `nearest under l2`, `picked by omp, in that order`, `with the largest logits`."""
    if order == "logit":
        return "with the largest logits"
    if order in PURSUITS:
        return f"picked by {order}, in that order,"
    if order in ("ridge", "pinv"):
        return f"with the largest coefficients under {metric_name(order, ridge)}"
    return f"nearest under {order}"


def metric_name(order: WordOrder, ridge: float | None) -> str:
    """The order with what was chosen for it: `ridge (λ 0.1)`."""
    return f"{order} (λ {ridge:g})" if order == "ridge" and ridge is not None else order


def score_name(order: WordOrder, ridge: float | None) -> str:
    """What the score is called: `ridge coefficient, λ 0.1`."""
    return f"{SCORES[order]}, λ {ridge:g}" if order == "ridge" and ridge is not None else SCORES[order]
