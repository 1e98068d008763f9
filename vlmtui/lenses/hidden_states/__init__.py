"""`hidden-states`: the vectors of a stage themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import lens

if TYPE_CHECKING:
    from vlmtui.lenses import Context, Matrix


@lens(name="hidden-states")
def hidden_states(context: Context) -> Matrix:
    """The hidden states of a stage's entries, unchanged."""
    from vlmtui.lenses import Matrix

    return Matrix(context.states(), axes=("entry", "component"))
