"""Norms of the learned position embedding."""

from __future__ import annotations

from vlmtui.errors import UsageError
from vlmtui.lenses import Context, NotHere, Scalars

from . import STAGE


def position_norms(context: Context) -> Scalars:
    """One norm per patch. `NotHere` for a tower without a learned position embedding."""
    if context.stage != STAGE:
        raise NotHere(f"positions are added before the tower's blocks: choose {STAGE}")
    positions = context.model.positions()
    if positions.rows is None:
        raise UsageError(f"{positions.why}: choose another lens")
    note = "before the norm that makes vision.0 of the sum" if positions.normed else ""
    return Scalars(context.model.of_entries(context.model.norms_of(positions.rows)), note=note)
