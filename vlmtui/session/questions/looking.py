"""Where an answer looked, and what it depended on by its gradient; what the model may look at."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from vlmtui.answers import IMAGE, SAID, TEXT, Attention, Gradient, Mask, Sink
from vlmtui.errors import UsageError
from vlmtui.lenses.arrays import array
from vlmtui.lenses.attention.kernel import SINK_TIMES, Rollout, sinks
from vlmtui.models.forced import Forced
from vlmtui.session import messages as m
from vlmtui.session.answered import Answered
from vlmtui.session.questions.asking import Place
from vlmtui.session.talk import Talk

if TYPE_CHECKING:
    from vlmtui.session.engine import Engine

_DOING = "looking at attention"
RULE = f"up to the picture's end, or special: more than {SINK_TIMES:g} times the median position's share"


def attention(engine: Engine, request: m.FindAttention, talk: Talk) -> m.AttentionFound:
    """Where every token of an answer looked."""
    started = time.perf_counter()
    place = Place.of(engine, request.reading, talk)
    answered = place.answered(request.answer)
    forced = answered.retold(place.model)
    layers = place.model.info.llm_layers
    _check(request.layer, 1, layers, f"layer {request.layer}")
    if request.rollout and (request.layer is not None or request.head is not None):
        raise UsageError("a rollout goes through all layers and heads: ask for no single one")
    means = _means(answered, forced, layers, talk)
    _check(request.head, 0, answered.among - 1, f"head {request.head}")
    if request.rollout:
        weights = _rolled(answered, forced, layers, talk)
    elif request.head is not None:
        if request.layer is None:
            raise UsageError("heads are numbered within a layer: choose a layer too")
        weights = _of_heads(answered, forced, request.layer, layers, talk)[request.head]
    else:
        weights = means.mean(0) if request.layer is None else means[request.layer - 1]
    prompt = forced.said_at.start + 1
    shares = means.mean(dim=(0, 1))[:prompt]
    places = forced.places.cpu()
    sunk = sinks(shares) & _may_sink(place, answered, places)
    return m.AttentionFound(
        request.reading,
        Attention(
            answer=answered.id,
            layer=request.layer,
            head=request.head,
            rollout=request.rollout,
            weights=array(weights[:, places].float()),
            sinks=array(sunk[places]),
            sunk=_sunk(place, answered, places, shares, sunk),
            rule=RULE,
            layers=layers,
            heads=answered.among,
            seconds=time.perf_counter() - started,
        ),
    )


def gradient(engine: Engine, request: m.FindGradient, talk: Talk) -> m.GradientFound:
    """Gradient × input of one token of an answer, or of the whole answer."""
    started = time.perf_counter()
    place = Place.of(engine, request.reading, talk)
    answered = place.answered(request.answer)
    _check(request.token, 0, len(answered.said) - 1, f"answer token {request.token}")
    forced = answered.retold(place.model)
    talk.progress("following the gradient back")
    found = Gradient(
        answer=answered.id,
        token=request.token,
        numbers=array(forced.gradient(request.token)),
        seconds=time.perf_counter() - started,
    )
    return m.GradientFound(request.reading, found)


def mask(engine: Engine, request: m.FindMask, talk: Talk) -> m.MaskFound:
    """What each position may look at, of the prompt and the latest answer, or of the reading's prompt alone."""
    place = Place.of(engine, request.reading, talk)
    _check(request.layer, 1, place.model.info.llm_layers, f"layer {request.layer}")
    answered = place.kept.answered
    if answered is not None and answered.said:
        forced, ids = answered.retold(place.model), [*_prompt(answered), *answered.ids[:-1]]
        prompt = len(_prompt(answered))
    else:
        inputs = place.model.prompted(place.kept.inputs, place.tokens, place.kept.prompt)
        assert inputs.input_ids is not None
        ids = inputs.input_ids[0].tolist()
        # whatever it would say first is after the prompt, and not looked at
        forced, prompt = place.model.speaking.force(inputs, ids[-1:]), len(ids)
    talk.progress("asking for the mask")
    allowed = forced.mask(request.layer)
    kinds = np.full(len(ids), TEXT, np.uint8)
    kinds[prompt:] = SAID
    kinds[forced.places.cpu().numpy()] = IMAGE
    named = place.namer.names(np.array(ids))
    pieces = tuple(None if kind == IMAGE else named.pieces[i] for i, kind in zip(ids, kinds, strict=True))
    found = Mask(
        layer=request.layer,
        kinds=kinds,
        bits=np.packbits(array(allowed), axis=1),
        pieces=pieces,
        pattern=_pattern(allowed, torch.from_numpy(kinds)),
    )
    return m.MaskFound(request.reading, found)


def _means(answered: Answered, forced: Forced, layers: int, talk: Talk) -> Tensor:
    """Every layer's attention averaged over its heads [layers, answer tokens, positions]."""
    if answered.means is None:
        found: list[Tensor] = []

        def seen(layer: int, weights: Tensor) -> None:
            found.append(weights.mean(dim=0, dtype=torch.float32).cpu())
            answered.among = len(weights)
            talk.progress(_DOING, layer, layers)

        forced.attention(seen)
        answered.means = torch.stack(found)
    return answered.means


def _of_heads(answered: Answered, forced: Forced, wanted: int, layers: int, talk: Talk) -> Tensor:
    """One layer's attention [heads, answer tokens, positions]; that of the layer asked about last is kept."""
    if answered.heads is None or answered.heads[0] != wanted:

        def seen(layer: int, weights: Tensor) -> None:
            if layer == wanted:
                answered.heads = wanted, weights.float().cpu()
            talk.progress(_DOING, layer, layers)

        forced.attention(seen)
    assert answered.heads is not None
    return answered.heads[1]


def _rolled(answered: Answered, forced: Forced, layers: int, talk: Talk) -> Tensor:
    """Attention rolled out through all layers [answer tokens, positions]."""
    if answered.rolled is None:
        rolled = Rollout()

        def seen(layer: int, mean: Tensor) -> None:
            rolled.add(mean)
            talk.progress(_DOING, layer, layers)

        forced.mean_attention(seen)
        answered.rolled = rolled.rows(forced.said_at).cpu()
    return answered.rolled


def _may_sink(place: Place, answered: Answered, places: Tensor) -> Tensor:
    """Which positions of the prompt can be sinks [positions]: what comes after the picture is the question, and is
    looked at for what it says."""
    ids = torch.tensor(_prompt(answered))
    special = torch.isin(ids, torch.tensor(sorted(place.namer.special)))
    return special | (torch.arange(len(ids)) <= places.max())


def _sunk(place: Place, answered: Answered, places: Tensor, shares: Tensor, sunk: Tensor) -> tuple[Sink, ...]:
    at = torch.nonzero(sunk).flatten().tolist()
    ids, image = _prompt(answered), set(places.tolist())
    named = place.namer.names(np.array(ids))
    return tuple(Sink(i, None if i in image else named.pieces[ids[i]], float(shares[i])) for i in at)


def _prompt(answered: Answered) -> list[int]:
    """The ids of the prompt."""
    assert answered.inputs.input_ids is not None
    ids: list[int] = answered.inputs.input_ids[0].tolist()
    return ids


def _pattern(allowed: Tensor, kinds: Tensor) -> str:
    """What a mask [positions, positions] is, in a word or two."""
    causal = torch.ones_like(allowed).tril()
    back, ahead = allowed & causal, allowed & ~causal
    window = "" if torch.equal(back, causal) else ", within a window"
    if not ahead.any():
        return f"causal{window}"
    image, prompt = kinds == IMAGE, kinds != SAID
    if torch.equal(ahead, prompt[:, None] & prompt & ~causal):
        return f"prompt both ways, answer causal{window}"
    if not ahead[~image].any() and not ahead[:, ~image].any():
        return f"picture both ways, text causal{window}"
    return f"partly both ways{window}"


def _check(number: int | None, first: int, last: int, what: str) -> None:
    if number is not None and not first <= number <= last:
        raise UsageError(f"there is no {what}: choose {first} … {last}")
