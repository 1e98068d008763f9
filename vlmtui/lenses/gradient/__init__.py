"""`gradient`: which image tokens an answer depends on, by gradient × input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import lens

if TYPE_CHECKING:
    from vlmtui.lenses import Context, Scalars


# the whole answer's gradient is no map of one of its tokens: a number an entry, and not a map for every token
@lens(subject="answer")
def gradient(context: Context, token: int | None = None) -> Scalars:
    """Gradient × input of every image token, for the log-probability of one answer token or of the whole answer."""
    from .compute import gradient_times_input

    return gradient_times_input(context, token)
