"""Patch embedding: a patch before the tower's first block, as pixels, projection and position embedding."""

from __future__ import annotations

import torch

from vlmtui.errors import UsageError
from vlmtui.lenses import Context, Facts, NotHere
from vlmtui.lenses.arrays import array
from vlmtui.lenses.kernels.cosine import cosine_to_rows
from vlmtui.lenses.kinds import pack_details
from vlmtui.results.patch_embedding import PatchEmbeddingResult

from . import STAGE

_OF_A_PATCH = "the layout of its patch projection is unknown"
_CHANNELS = ("red", "green", "blue")


def patch_facts(context: Context) -> Facts:
    """Facts about the one requested patch; `own` is a `PatchEmbeddingResult`."""
    if context.stage != STAGE:
        raise NotHere(f"patch embeddings enter the tower before its blocks: choose {STAGE}")
    found = _anatomy(context)
    tall, wide, _ = found.pixels.shape
    rows = [("height", tall), ("width", wide), ("frames", found.frames), ("numbers projected", found.length)]
    for name, low, mean, high in zip(_CHANNELS, found.lowest, found.mean, found.highest, strict=True):
        rows += [(f"{name}, lowest", low), (f"{name}, mean", mean), (f"{name}, highest", high)]
    rows += [("norm of the projection", found.projected), ("norm of the position embedding", found.position)]
    return Facts(rows, note=found.note, own=pack_details(found))


def _anatomy(context: Context) -> PatchEmbeddingResult:
    model = context.model
    places = model.kept.patch_places
    if len(context.entries) != 1:
        raise UsageError(
            f"the patch embedding is for one patch, not {len(context.entries)}: choose one of {len(places)}, such as "
            "entries=[0]"
        )
    (patch,) = context.entries
    if not 0 <= patch < len(places):
        raise UsageError(f"there is no patch {patch}: the image has {len(places)}, from 0")
    place = places[patch]
    cut = model.vlm.patch_embedding.embed_patch(model.kept.inputs, place.grid, place.row, place.col)
    positions = model.positions()
    rows = positions.rows
    values = cut.values.flatten(1)
    return PatchEmbeddingResult(
        patch=patch,
        pixels=cut.levels.transpose(1, 2, 0).astype("float32"),
        lowest=array(values.amin(dim=1)),
        mean=array(values.mean(dim=1)),
        highest=array(values.amax(dim=1)),
        length=(values if cut.flat is None else cut.flat).numel(),
        frames=cut.frames,
        projected=None if cut.projected is None else float(cut.projected.norm()),
        position=None if rows is None else float(model.norms_of(rows[patch])),
        normed=positions.normed,
        values=array(cut.values.permute(1, 2, 0)),
        flat=None if cut.flat is None else array(cut.flat.float()),
        projection=None if cut.projected is None else array(cut.projected),
        position_embedding=None if rows is None else array(rows[patch].float()),
        position_cosines=None if rows is None else array(cosine_to_rows(rows, torch.tensor([patch]))),
        note=positions.why if cut.projected is not None else _OF_A_PATCH,
    )
