"""`vocabulary` and `near`: the LLM's vocabulary itself, and the words near a word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from vlmtui.lenses.base import LensOffer, lens
from vlmtui.metrics import DEFAULT_METRIC

if TYPE_CHECKING:
    from vlmtui.lenses import Context, Facts, Words


@lens(subject="vocabulary", offer=LensOffer())
def vocabulary(context: Context, all_tokens: bool = False, named: bool = False) -> Facts:
    """The vocabulary's rows: counts by kind, norms, and which rows are identical."""
    from .compute import vocabulary_facts

    return vocabulary_facts(context, all_tokens, named)


@lens(subject="vocabulary", offer=LensOffer())
def near(
    context: Context,
    word: str,
    metric: Literal["l2", "cosine", "dot", "cosine-centred"] = DEFAULT_METRIC,
    all_tokens: bool = False,
) -> Words:
    """The words of the vocabulary nearest to a word."""
    from .compute import nearest_to_word

    return nearest_to_word(context, word, metric, all_tokens)
