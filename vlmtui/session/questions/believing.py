"""How much to believe words: the same search on noise, and by other metrics."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import torch
from torch import Tensor

from vlmtui.belief import AGREEING, Agreement, NoiseWords, Null, statistic_of
from vlmtui.errors import UsageError
from vlmtui.lenses.arrays import array
from vlmtui.lenses.kernels.finder import Found
from vlmtui.lenses.noise_baseline.kernel import Noise, random_like, shuffled
from vlmtui.models.frames import reframed
from vlmtui.reading import PURSUITS, Order, check_stage, llm_layer, of_layers, of_patches, vision_layer
from vlmtui.session import messages as m
from vlmtui.session.questions.words import check_ridge, check_tokens
from vlmtui.session.readings import Kept
from vlmtui.session.talk import Talk
from vlmtui.session.tower import projected

if TYPE_CHECKING:
    from vlmtui.session.engine import Engine

_MARGIN = 2
"""So many words of noise tell its margin."""


def null(engine: Engine, request: m.FindNull, talk: Talk) -> m.NullFound:
    """The words of noise, remembered with the reading."""
    started = time.perf_counter()
    held = engine.wordy(request.k)
    if of_patches(check_stage(request.stage, held.model.info)) and not request.projected:
        there = "choose tokens, a layer such as llm.1, or the lens projector"
        raise UsageError(f"there are no words at {request.stage}: {there}")
    check_ridge(request.ridge)
    kept = engine.readings[request.reading]
    # of noise that is sorted by its nearest word, more words tell no more; a pursuit's share grows with them
    k = request.k if _order(request) in PURSUITS else _MARGIN
    ridge = request.ridge if _order(request) == "ridge" else None
    key = request.stage, _order(request), k, request.all_tokens, ridge
    if key not in kept.nulls:
        found = _Search(engine, msgspec.structs.replace(request, k=k), talk).null()
        kept.nulls[key] = msgspec.structs.replace(found, seconds=time.perf_counter() - started)
    return m.NullFound(request.reading, kept.nulls[key])


def agreement(engine: Engine, request: m.FindAgreement, talk: Talk) -> m.AgreementFound:
    """The words of one token by every metric that is compared."""
    started = time.perf_counter()
    held = engine.wordy(request.k)
    tokens = engine.readings.tokens(request.reading)
    check_tokens(np.array([request.token]), len(tokens))
    vocabulary = held.lexicon.vocabulary.embeddings
    candidates = held.lexicon.candidates(len(vocabulary), request.all_tokens)
    ids = np.full((len(AGREEING), min(request.k, len(candidates))), -1, np.int64)
    for row, metric in enumerate(AGREEING):
        k = 1 if metric in PURSUITS else request.k
        vector = tokens[request.token : request.token + 1]
        found = held.finder.find(vector, candidates, metric, k, 1.0, talk.should_stop)
        ids[row, : found.ids.shape[1]] = array(found.ids[0])
    seconds = time.perf_counter() - started
    return m.AgreementFound(request.reading, Agreement(token=request.token, metrics=AGREEING, ids=ids, seconds=seconds))


def _order(request: m.FindNull) -> Order:
    return "logit" if of_layers(request.stage) else request.metric


class _Search:
    """One search, on two kinds of noise."""

    def __init__(self, engine: Engine, request: m.FindNull, talk: Talk) -> None:
        self.engine, self.request, self.talk = engine, request, talk

    def null(self) -> Null:
        """Both kinds."""
        engine, request = self.engine, self.request
        tokens = self._states(request.reading)
        # newlines are the same in every picture: they say nothing of this one, nor of noise
        places = engine.readings[request.reading].places
        seen = torch.tensor([i for i, place in enumerate(places) if place.kind != "newline"], dtype=torch.int64)
        random = self._words(random_like(tokens[seen.to(tokens.device)]))
        note, of_picture = "", None
        copy = self._copy()
        if copy is None:
            note = "the picture's pixels cannot be shuffled: in which form the processor hands them over is not known"
        else:
            noise = self._states(copy)
            of_picture = self._words(noise[seen.to(noise.device)])
        return Null(
            stage=request.stage,
            metric=_order(request),
            k=request.k,
            all_tokens=request.all_tokens,
            shuffled=of_picture,
            random=random,
            note=note,
        )

    def _copy(self) -> str | None:
        """The id of a reading of the picture with its pixels shuffled, made where it is not kept."""
        readings, talk = self.engine.readings, self.talk
        of = self.request.reading
        name = f"{of}, shuffled"
        if name not in readings:
            model, _ = self.engine.held()
            kept = readings[of]
            inputs = reframed(model.family, kept.inputs, shuffled)
            if inputs is None:
                return None
            doing = "reading the picture with its pixels shuffled"
            encoded = model.encode(inputs, lambda done, total: talk.progress(doing, done, total))
            readings.keep(name, Kept(inputs, encoded.tokens, kept.prompt, places=kept.places, copy_of=of))
        return name

    def _states(self, reading: str) -> Tensor:
        """The vectors [tokens, hidden] of a reading, or of its shuffled copy, at the stage."""
        engine, stage = self.engine, self.request.stage
        if of_layers(stage):
            return engine.layers_of(reading, self.talk.progress).states(llm_layer(stage))
        if of_patches(stage):
            return projected(engine.held()[0], engine.readings, reading, vision_layer(stage), self.talk)
        return engine.readings.tokens(reading)

    def _words(self, vectors: Tensor) -> NoiseWords:
        request, held = self.request, self.engine.wordy()
        if of_layers(request.stage):
            lens = self.engine.layers_of(request.reading, self.talk.progress)
            _, logits = lens.lens(vectors, request.k, request.all_tokens, self.talk.should_stop)
            return _noise(Found(logits.ids, logits.scores), "score")
        rows = len(held.lexicon.vocabulary.embeddings)
        found = held.finder.find(
            vectors,
            held.lexicon.candidates(rows, request.all_tokens),
            request.metric,
            request.k,
            request.ridge,
            self.talk.should_stop,
        )
        return _noise(found, statistic_of(request.metric))


def _noise(found: Found, statistic: str) -> NoiseWords:
    scores = found.scores
    if statistic == "explained":
        assert found.explained is not None
        # what all words explain, which is what the last one picked left it at; nothing where none was picked
        scores = found.explained.nan_to_num(0.0)
        scores = scores.amax(dim=1, keepdim=True) if scores.shape[1] else scores
    noise = Noise.of(scores)
    firsts = Counter(found.ids[:, :1].flatten().tolist())
    return NoiseWords(scores=array(noise.scores), margins=array(noise.margins), firsts=dict(firsts))
