"""`gradient`: which image tokens an answer depends on, by gradient × input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import lens

if TYPE_CHECKING:
    from vlmtui.lenses import Context, Scalars


# one number per entry and not a map per answer token, since the gradient may be that of the whole answer
@lens(subject="answer")
def gradient(context: Context, token: int | None = None) -> Scalars:
    """Gradient × input of every image token, for the log-probability of one answer token or of the whole answer."""
    from .compute import gradient_times_input

    return gradient_times_input(context, token)
