"""Gradient × input of an answer token's log-probability, or of the whole answer's."""

from __future__ import annotations

import numpy as np

from vlmtui.lenses import Context, Scalars
from vlmtui.lenses.kinds import pack_details
from vlmtui.results.answers import Gradient, check_number


def gradient_times_input(context: Context, token: int | None) -> Scalars:
    """Gradient × input per image token for answer token `token` (from 0), or with None for the whole answer."""
    model = context.model
    generator = model.generator()
    answered = generator.answered(model.answer)
    check_number(token, 0, len(answered.said) - 1, f"answer token {token}")
    forced = answered.retold(generator.model)
    model.progress("computing the gradient")
    numbers = model.of_entries(forced.gradient(token))
    # the numbers are carried by the kind itself
    return Scalars(
        numbers, own=pack_details(Gradient(answer=answered.id, token=token, numbers=np.zeros(0, np.float32)))
    )
