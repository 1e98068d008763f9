"""What patches are before the tower's first block: their pixels, their projection, their position embedding."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vlmtui.anatomy import Anatomy
from vlmtui.errors import UsageError
from vlmtui.lenses.arrays import array
from vlmtui.session import messages as m
from vlmtui.session.talk import Talk

if TYPE_CHECKING:
    from vlmtui.models.model import VisionLanguageModel
    from vlmtui.models.positions import Positions
    from vlmtui.session.engine import Engine
    from vlmtui.session.readings import Kept

_OF_A_PATCH = "the projection of its patches is done in a way that is not known"


def patch(engine: Engine, request: m.FindPatch, talk: Talk) -> m.PatchFound:
    """What becomes of one patch."""
    started = time.perf_counter()
    model, _ = engine.held()
    kept = engine.readings[request.reading]
    places = kept.patch_places
    if not 0 <= request.patch < len(places):
        raise UsageError(f"there is no patch {request.patch}: the picture has {len(places)}, from 0")
    place = places[request.patch]
    assert place.grid is not None
    assert place.row is not None
    assert place.col is not None
    cut = model.anatomy.cut(kept.inputs, place.grid, place.row, place.col)
    positions = positions_of(model, kept)
    values = cut.values.flatten(1)
    return m.PatchFound(
        request.reading,
        Anatomy(
            patch=request.patch,
            pixels=cut.levels.transpose(1, 2, 0).astype("float32"),
            lowest=array(values.amin(dim=1)),
            mean=array(values.mean(dim=1)),
            highest=array(values.amax(dim=1)),
            length=(values if cut.flat is None else cut.flat).numel(),
            frames=cut.frames,
            projected=None if cut.projected is None else float(cut.projected.norm()),
            position=None if positions.rows is None else float(_norms(positions.rows[request.patch])),
            normed=positions.normed,
            note=positions.why if cut.projected is not None else _OF_A_PATCH,
            seconds=time.perf_counter() - started,
        ),
    )


def positions_of(model: VisionLanguageModel, kept: Kept) -> Positions:
    """What is added to every patch of a reading; kept with it."""
    if kept.positions is None:
        kept.positions = model.anatomy.positions(kept.inputs)
    return kept.positions


def _norms(rows: Tensor) -> Tensor:
    norms: Tensor = torch.linalg.vector_norm(rows, dim=-1, dtype=torch.float32)
    return norms
