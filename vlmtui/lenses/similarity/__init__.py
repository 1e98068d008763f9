"""`similarity`: the similarity of a stage's entries to some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import LensOffer, LensSchedule, lens

if TYPE_CHECKING:
    from vlmtui.lenses import Context, Scalars


@lens(
    offer=LensOffer(
        listed=True,
        page=False,
        marked="to",
        missing="compares with patches: name one or more, such as --marked 3,4",
        render=f"{__name__}.render",
        noise=True,
    ),
    turn=LensSchedule(beside="always"),
)
def similarity(context: Context, to: list[int], noise: bool = False) -> Scalars:
    """The cosine of every entry with some of them; with several, with the mean of their unit vectors."""
    from .compute import similarity_to

    return similarity_to(context, to, noise)
