"""Local words of an image's tokens, from their lists of nearest words."""

from __future__ import annotations

import msgspec
import numpy as np

from vlmtui.display.pieces import fold_names
from vlmtui.lenses import Context, NotHere, Words
from vlmtui.lenses.arrays import array
from vlmtui.lenses.kernels.stage_words import WordQuery, check_words, search_words
from vlmtui.lenses.kinds import pack_details
from vlmtui.metrics import Metric, check_ridge
from vlmtui.reading import of_layers
from vlmtui.results.local_words import find_local_words


def words_in_places(context: Context, metric: Metric, all_tokens: bool, ridge: float) -> Words:
    """The local word of the requested tokens, with its vote as the score; lists of all tokens are looked at.

    `detail` is 1 where a token has its word in its own list, else 0. Details: a `LocalWords`.
    """
    model, stage = context.model, context.stage
    check_words(context, projected=False)
    if not of_layers(stage):
        check_ridge(ridge)
    places = model.places(stage)
    if all(place.grid is None for place in places):
        raise NotHere(
            f"local words need tokens with a place in the image, and those of {model.info.name} have none: choose "
            "another lens"
        )
    search = WordQuery.at(context, metric, all_tokens, ridge)
    searched = search_words(context, model.states(stage), search)
    ids = array(searched.found.ids)
    names = model.index.names(ids[ids >= 0])
    found = find_local_words(ids, fold_names(names.pieces, names.texts), places)
    details = msgspec.structs.replace(found.found, lists={**search.said(searched), "k": context.k})
    asked = np.array(model.tokens_asked(), np.int64)
    return Words(
        found.ids[asked, None],
        found.votes[asked, None],
        found.own[asked, None].astype(np.float64),
        note=details.note,
        own=pack_details(details),
    )
