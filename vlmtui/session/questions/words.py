"""The nearest word-pieces of image tokens."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from vlmtui.errors import UsageError
from vlmtui.lenses.arrays import array
from vlmtui.lenses.kernels.finder import Found
from vlmtui.reading import TokenWords, check_stage, llm_layer, of_layers, of_patches, vision_layer
from vlmtui.session import messages as m
from vlmtui.session.lexicon import Named
from vlmtui.session.talk import Talk
from vlmtui.session.tower import projected

if TYPE_CHECKING:
    from vlmtui.session.engine import Engine


def words(engine: Engine, request: m.FindWords, talk: Talk) -> m.WordsFound:
    """The nearest word-pieces of tokens of a reading that is still kept."""
    started = time.perf_counter()
    held = engine.wordy(request.k)
    tokens = engine.readings.tokens(request.reading)
    which = np.arange(len(tokens)) if request.tokens is None else np.asarray(request.tokens, dtype=np.int64)
    check_tokens(which, len(tokens))
    stage = check_stage(request.stage, held.model.info)
    if of_layers(stage):
        found_there = engine.layers_of(request.reading, talk.progress).words(
            llm_layer(stage), which, request.k, request.all_tokens, talk.should_stop
        )
        return m.WordsFound(request.reading, found_there)
    check_ridge(request.ridge)
    if of_patches(stage):
        if not request.projected:
            there = "choose tokens, a layer such as llm.1, or the lens projector"
            raise UsageError(f"there are no words at {stage}: {there}")
        tokens = projected(held.model, engine.readings, request.reading, vision_layer(stage), talk)
    rows = len(held.lexicon.vocabulary.embeddings)
    chosen = held.lexicon.candidates(rows, request.all_tokens)
    vectors = tokens[torch.from_numpy(which).to(tokens.device)]
    found = held.finder.find(vectors, chosen, request.metric, request.k, request.ridge, talk.should_stop)
    ids = array(found.ids)
    named = held.lexicon.names(ids[ids >= 0])
    seconds = time.perf_counter() - started
    return m.WordsFound(request.reading, told(found, which, named, request, rows, len(chosen), seconds))


def told(
    found: Found,
    tokens: NDArray[np.int64],
    named: Named,
    request: m.FindWords | m.ReadMany,
    rows: int,
    candidates: int,
    seconds: float,
) -> TokenWords:
    """What was found of these tokens among so many `candidates` of all `rows`, named."""
    ids = array(found.ids)
    return TokenWords(
        metric=request.metric,
        k=ids.shape[1],
        all_tokens=request.all_tokens,
        tokens=tokens.astype(np.int64),
        ids=ids,
        scores=array(found.scores),
        pieces=named.pieces,
        texts=named.texts,
        special=named.special,
        candidates=candidates,
        left_out=rows - candidates,
        seconds=seconds,
        explained=None if found.explained is None else array(found.explained),
        ridge=request.ridge if request.metric == "ridge" else None,
    )


def layer_words(engine: Engine, request: m.FindLayerWords, talk: Talk) -> m.LayerWordsFound:
    """The words of one token of a reading after every layer of the language model."""
    engine.wordy(request.k)
    check_tokens(np.array([request.token]), len(engine.readings.tokens(request.reading)))
    found = engine.layers_of(request.reading, talk.progress).layer_words(
        request.token, request.k, request.all_tokens, talk.should_stop
    )
    return m.LayerWordsFound(request.reading, found)


def check_ridge(ridge: float) -> None:
    """`UsageError` for what is no λ."""
    if not 0 < ridge < math.inf:
        raise UsageError(f"{ridge:g} is no λ for ridge: choose a number above 0")


def check_tokens(which: np.ndarray[Any, np.dtype[np.int64]], there: int) -> None:
    """`UsageError` for an image token that the picture has not."""
    wrong = which[(which < 0) | (which >= there)]
    if wrong.size:
        raise UsageError(f"there is no image token {int(wrong[0])}: the picture has {there}, from 0")
