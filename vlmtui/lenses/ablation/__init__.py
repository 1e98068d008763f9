"""`ablation`: the question asked again with image tokens replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import LensSchedule, lens
from vlmtui.results.replacement import Replacement

if TYPE_CHECKING:
    from vlmtui.lenses import Context, Facts


# it runs the model, so only requests that do not may run between its blocks
@lens(subject="answer", cost="slow", turn=LensSchedule(lets_in="tokens", group="ablation"))
def ablation(context: Context, by: Replacement = "mean") -> Facts:
    """The answer with image tokens replaced, and the change in log-probability of the first answer."""
    from .compute import ablate

    return ablate(context, by)
