"""A stage's principal components, their signs those of the stages before it."""

from __future__ import annotations

from torch import Tensor

from vlmtui.lenses import Colours, Context
from vlmtui.lenses.kinds import pack_details

from .kernel import PrincipalComponents, pooled, principal_components


def pca_colours(context: Context) -> Colours:
    """Each component as a multiple of what its largest entries reach, so that -1 … 1 is nearly all of it."""
    found = components_at(context, context.stage)
    return Colours(found.scaled(), signed=True, own=pack_details({"explained": found.explained.tolist()}))


def components_at(context: Context, stage: str) -> PrincipalComponents:
    """The components of any stage, kept for the reading.

    Stages are gone through in the order of the path, whatever is asked for first: the same stage has the same colours.
    """

    def made() -> PrincipalComponents:
        earlier = _scores_before(context, stage)
        context.model.check()
        return principal_components(context.states(stage), earlier)

    return context.keep(("components", stage), made)


def _scores_before(context: Context, stage: str) -> Tensor | None:
    """The components' scores one stage earlier [entries, 3], of this stage's entries; None without such a stage."""
    path = context.model.path
    at = path.index(stage)
    if at == 0:
        return None
    before = path[at - 1]
    scores = components_at(context, before).scores
    if context.model.of_patches(before) == context.model.of_patches(stage):
        return scores
    into = context.model.into_tokens()
    if not (into >= 0).any():  # tokens of no patch in particular have colours of their own
        return None
    return pooled(scores, into, len(context.model.places("tokens")))
