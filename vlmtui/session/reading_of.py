"""What a session tells of a picture: a `Reading`, made of what the model left behind."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from vlmtui.lenses.arrays import array
from vlmtui.lenses.kernels.norms import percentiles, row_norms
from vlmtui.models.geometry.layout import Layout
from vlmtui.models.loading.processor import DEFAULT_PROMPT
from vlmtui.models.vlm import EncodedImage, VisionLanguageModel
from vlmtui.reading import Floats, GridNorms, ImageInfo, Reading
from vlmtui.session.vocabulary_index import Lexicon


def told(
    model: VisionLanguageModel,
    image: ImageInfo,
    layout: Layout,
    encoded: EncodedImage,
    lengths: tuple[Floats, Floats],
    pixel_norms: Tensor,
    prompt: str | None,
    *,
    name: str = "",
    timings: dict[str, float] | None = None,
) -> Reading:
    """The reading called `name`; `lengths` are what `lengths_of` says of its image tokens."""
    norms, standing = lengths
    return Reading(
        id=name,
        model=model.info,
        image=image,
        grids=layout.grids,
        grid_norms=_grid_norms(layout, encoded),
        places=layout.places,
        patch_places=layout.patch_places,
        norms=norms,
        percentiles=standing,
        hidden=0 if encoded.tokens is None else int(encoded.tokens.shape[1]),
        prompt=DEFAULT_PROMPT if prompt is None else prompt,
        seen=layout.seen,
        patch_size=layout.patch_size,
        timings=timings or {},
        placeless=layout.placeless,
        pixel_norms=array(pixel_norms),
    )


def lengths_of(tokens: Tensor | None, lexicon: Lexicon | None) -> tuple[Floats, Floats]:
    """The norms of image tokens [tokens, hidden], and where each stands among the words', in percent; each [tokens].

    Both empty where there are no tokens, or no words.
    """
    if tokens is None or lexicon is None:
        return np.zeros(0, np.float32), np.zeros(0, np.float32)
    lengths = row_norms(tokens)
    standing = percentiles(lengths, lexicon.vocabulary.norms[lexicon.words])
    return array(lengths.float()), array(standing.float())


def _grid_norms(layout: Layout, encoded: EncodedImage) -> tuple[GridNorms, ...]:
    """The norms of every grid; a grid on which tokens lie anew has no vision patches of its own."""
    found = [GridNorms(array(norms.patches), array(norms.prefix)) for norms in encoded.norms]
    stages = len(found[0].patches) if found else 0
    none = np.zeros((stages, 0), np.float32)
    return tuple([*found, *(GridNorms(none, none) for _ in layout.grids)][: len(layout.grids)])
