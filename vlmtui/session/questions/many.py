"""Pictures read together, each answered for itself."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import msgspec

from vlmtui.errors import CancelledError, VlmtuiError
from vlmtui.reading import check_stage, of_layers, of_patches
from vlmtui.session import messages as m
from vlmtui.session.questions.words import check_ridge, words
from vlmtui.session.talk import Talk

if TYPE_CHECKING:
    from vlmtui.session.engine import Engine


def many(engine: Engine, request: m.ReadMany, talk: Talk) -> m.ManyRead:
    """What came of every picture; raises what concerns them all."""
    model, _ = engine.held()
    check_stage(request.stage, model.info, pixels=True)
    if request.projected or not of_patches(request.stage):
        engine.wordy(request.k)
        check_ridge(request.ridge)
    return m.ManyRead(tuple(_outcome(engine, request, picture, talk) for picture in request.pictures))


def _outcome(engine: Engine, request: m.ReadMany, picture: m.Sent, talk: Talk) -> m.Outcome:
    try:
        return _read(engine, request, picture, talk)
    except CancelledError:
        raise
    except VlmtuiError as error:
        return m.Outcome.failed(error)
    except Exception as error:
        traceback.print_exc()
        return m.Outcome.failed(engine.explain(error))


def _read(engine: Engine, request: m.ReadMany, picture: m.Sent, talk: Talk) -> m.Outcome:
    read = m.Read(picture.source, picture.data, picture.sha256, request.max_pixels, request.prompt)
    reading = engine.read(read, talk.progress).reading
    found = layers = None
    if of_layers(request.stage):
        layers = engine.layers_of(reading.id, talk.progress).layers()
        layers = msgspec.structs.replace(layers, reading="")
    if request.projected or not of_patches(request.stage):
        found = words(
            engine,
            m.FindWords(
                reading.id,
                request.metric,
                request.k,
                None,
                request.all_tokens,
                request.stage,
                request.ridge,
                request.projected,
            ),
            talk,
        ).words
        found = msgspec.structs.replace(found, seconds=0.0)
    return m.Outcome(reading=msgspec.structs.replace(reading, id="", timings={}), words=found, layers=layers)
