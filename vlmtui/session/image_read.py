"""Reading one image: decoded, preprocessed, encoded by the vision tower, and its tokens located in the image."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vlmtui.errors import ModelError
from vlmtui.lenses.arrays import array
from vlmtui.lenses.kernels.norms import percentiles, row_norms
from vlmtui.models.geometry.layout import Layout
from vlmtui.models.loading.chat_templates import PromptText
from vlmtui.models.loading.processor import DEFAULT_PROMPT, Inputs
from vlmtui.models.vision.tower_output import capture_outputs
from vlmtui.models.vlm import EncodedImage, VisionLanguageModel
from vlmtui.reading import Floats, GridNorms, ImageInfo, Reading
from vlmtui.session import protocol as m
from vlmtui.session.activations import CachedReading, StoredImage
from vlmtui.session.model_state import ModelState
from vlmtui.session.preprocessing import decoded
from vlmtui.session.vocabulary_index import VocabularyIndex


class TokenLengths(NamedTuple):
    """The L2 norms of image tokens and their percentiles among the norms of words, each [tokens], and the median norm
    of words: empty and None without tokens, and for a model without a vocabulary.
    """

    norms: Floats
    percentiles: Floats
    word_norm: float | None

    def split(self, ends: NDArray[np.int64]) -> list[TokenLengths]:
        """Those of several images, which end at the tokens `ends`; the last ends with the tokens."""
        parts = zip(np.split(self.norms, ends), np.split(self.percentiles, ends), strict=True)
        return [TokenLengths(*part, self.word_norm) for part in parts]


def read_image(state: ModelState, request: m.Read, progress: Callable[..., None]) -> m.ReadDone:
    """Read an image with the loaded model. `progress` may raise to end it, also between two blocks of the tower."""
    model = state.model
    times = _StepTimes()
    progress("decoding the image")
    picture, info = decoded(request, request.max_pixels, request.levels)
    times.end("decode")
    progress("preprocessing the image")
    inputs = model.prepare(picture, request.prompt, request.source)
    del picture  # it may be huge
    times.end("prepare")
    with capture_outputs(model.family) as final:
        encoded = model.encode(inputs, lambda done, total: progress("running the vision tower", done, total))
    times.end("encode")
    progress("locating the tokens")
    layout = model.layout(info, inputs, encoded)
    times.end("geometry")
    lengths = token_lengths(encoded.tokens, state.vocabulary)
    times.end("norms")
    reading = as_reading(
        model,
        info,
        layout,
        encoded,
        lengths,
        model.patch_embedding.norms(inputs),
        positions_of(model, inputs, encoded),
        request.prompt,
        inputs.prompt,
        name=f"reading-{state.next_number()}",
        timings=times.seconds,
    )
    file = StoredImage(request.source, request.data, request.max_pixels, request.levels)
    kept = CachedReading(inputs, encoded.tokens, request.prompt, file, layout.places, patch_places=layout.patch_places)
    kept.final = final[0] if final else None
    state.readings.keep(reading.id, kept)
    return m.ReadDone(reading)


def as_reading(
    model: VisionLanguageModel,
    image: ImageInfo,
    layout: Layout,
    encoded: EncodedImage,
    lengths: TokenLengths,
    pixel_norms: Tensor,
    position_ids: Tensor | None,
    prompt: str | None,
    prompted: PromptText | None,
    *,
    name: str = "",
    timings: dict[str, float] | None = None,
) -> Reading:
    """What the model computed of an image as a `Reading` with the id `name`.

    `lengths` are those of its image tokens, from `token_lengths`.
    """
    return Reading(
        id=name,
        model=model.info,
        image=image,
        grids=layout.grids,
        grid_norms=_grid_norms(layout, encoded),
        places=layout.places,
        patch_places=layout.patch_places,
        norms=lengths.norms,
        percentiles=lengths.percentiles,
        word_norm=lengths.word_norm,
        hidden=0 if encoded.tokens is None else int(encoded.tokens.shape[1]),
        prompt=DEFAULT_PROMPT if prompt is None else prompt,
        prompt_text=None if prompted is None else prompted.text,
        template="none" if prompted is None else prompted.template,
        prompt_problem="" if prompted is None else prompted.problem,
        seen=layout.seen,
        patch_size=layout.patch_size,
        timings=timings or {},
        placeless=layout.placeless,
        pixel_norms=array(pixel_norms),
        position_ids=() if position_ids is None else tuple(map(tuple, position_ids.tolist())),
    )


def positions_of(model: VisionLanguageModel, inputs: Inputs, encoded: EncodedImage) -> Tensor | None:
    """The position ids of an image's tokens; None where no prompt can be made, which is said when one is needed."""
    try:
        return model.position_ids(inputs, 0 if encoded.tokens is None else len(encoded.tokens))
    except ModelError:
        return None


def token_lengths(tokens: Tensor | None, index: VocabularyIndex | None) -> TokenLengths:
    """The lengths of image tokens [tokens, hidden] beside those of words."""
    if tokens is None or index is None:
        return TokenLengths(np.zeros(0, np.float32), np.zeros(0, np.float32), None)
    lengths, words = row_norms(tokens), index.vocabulary.norms[index.words].cpu().double()
    standing, finite = percentiles(lengths, words), words[torch.isfinite(words)].numpy()
    # numpy's median is the mean of the two in the middle, torch's the lower of them
    median = float(np.median(finite)) if len(finite) else None
    return TokenLengths(array(lengths.float()), array(standing.float()), median)


def _grid_norms(layout: Layout, encoded: EncodedImage) -> tuple[GridNorms, ...]:
    """The norms of every grid; a grid of resampled tokens has no vision patches of its own, and empty norms."""
    found = [GridNorms(array(norms.patches), array(norms.prefix)) for norms in encoded.norms]
    stages = len(found[0].patches) if found else 0
    none = np.zeros((stages, 0), np.float32)
    return tuple([*found, *(GridNorms(none, none) for _ in layout.grids)][: len(layout.grids)])


class _StepTimes:
    """Seconds by step, each measured from the end of the one before."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def end(self, step: str) -> None:
        """End a step."""
        now = time.perf_counter()
        self.seconds[step], self._last = now - self._last, now
