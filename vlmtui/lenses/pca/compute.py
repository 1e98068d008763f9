"""Principal components of a stage, with signs aligned to the stages before it."""

from __future__ import annotations

from torch import Tensor

from vlmtui.lenses import Colours, Context
from vlmtui.lenses.kinds import pack_details

from .kernel import PrincipalComponents, pooled, principal_components


def pca_colours(context: Context) -> Colours:
    """Components as colours, scaled by their largest entries so that nearly all lie in -1 … 1."""
    found = components_at(context, context.stage)
    return Colours(found.scaled(), signed=True, own=pack_details({"explained": found.explained.tolist()}))


def components_at(context: Context, stage: str) -> PrincipalComponents:
    """The components of any stage, cached with the reading.

    Earlier stages are computed first, whichever stage is requested, so that a stage always has the same colours.
    """

    def made() -> PrincipalComponents:
        earlier = _scores_before(context, stage)
        context.model.check()
        return principal_components(context.states(stage), earlier)

    return context.keep(("components", stage), made)


def _scores_before(context: Context, stage: str) -> Tensor | None:
    """The scores of the previous stage for the entries of this one [entries, 3]; None without a previous stage."""
    path = context.model.path
    at = path.index(stage)
    if at == 0:
        return None
    before = path[at - 1]
    scores = components_at(context, before).scores
    if context.model.of_patches(before) == context.model.of_patches(stage):
        return scores
    into = context.model.into_tokens()
    if not (into >= 0).any():  # tokens that come from no particular patch are not aligned
        return None
    return pooled(scores, into, len(context.model.places("tokens")))
