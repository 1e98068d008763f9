"""Of every family, what is fetched by byte ranges is bit for bit what the whole model has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.families import DISTINCT, FAMILIES, build
from tests.hub import Hub, serving
from tests.models.loading.test_hub import fetch_all, needed_bytes, parameters, quiet, tensors_of
from vlmtui.models.decoder.unembedding import encoder_of
from vlmtui.models.families.decoder_structure import decoder_of
from vlmtui.models.families.registry import family_class
from vlmtui.models.loading import model_folder
from vlmtui.models.loading.checkpoint import read_config
from vlmtui.models.loading.loader import load_model

_OTHER_PARTS = re.compile(r"\.(audio_tower|audio_encoder|vqmodel|generation_\w+)\.")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: build(name, tmp_path_factory.mktemp("families") / name) for name in DISTINCT}


@pytest.fixture(scope="module")
def fetched(built: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hub, dict[str, dict]]]:
    with serving({f"org/{name}": folder for name, folder in built.items()}) as hub:
        found = fetch_all(tmp_path_factory.mktemp("home"), hub.endpoint, *((f"org/{name}", None, 0) for name in built))
        yield hub, dict(zip(built, found, strict=True))


def whole_model(folder: Path) -> Any:
    checkpoint = model_folder.Checkpoint("mine", folder, None, read_config(folder, "mine"))
    return load_model(checkpoint, quiet, device="cpu", dtype="float32", decoder_layers=None).model


def explored_bytes(model: Any) -> int:
    """Bytes of the parameters that exploring needs, by the parts of the whole model."""
    if hasattr(model, "text_model") and model.get_output_embeddings() is None:  # a dual encoder
        return sum(p.nbytes for p in model.vision_model.parameters())
    left_out: set[int] = set()
    if model.get_output_embeddings() is not None:
        parts = [decoder_of(model), model.get_output_embeddings()]
        parts += [encoder] if (encoder := encoder_of(model)) is not None else []
        # tables of positions come before the layers: OPT's, and those of both halves of BART
        tables = [model.get_input_embeddings(), *(getattr(part, "embed_positions", None) for part in parts)]
        needed = {id(p) for table in tables if isinstance(table, nn.Module) for p in table.parameters()}
        left_out = {id(p) for part in parts for p in part.parameters()} - needed
    # parts for sound, and those that make images
    left_out |= {id(p) for name, p in model.named_parameters() if _OTHER_PARTS.search(name)}
    return sum(p.nbytes for p in model.parameters() if id(p) not in left_out)


@pytest.mark.parametrize("name", DISTINCT)
def test_what_is_fetched_is_what_the_whole_model_has(name, built, fetched):
    _, found = fetched
    assert "error" not in found[name], found[name]
    mine, whole = parameters(Path(found[name]["folder"])), whole_model(built[name])
    theirs = whole.state_dict()
    # of what the whole model is made of, all but decoder layers, final norm and head, or one tower of two
    got = sum(tensor.size for tensor in tensors_of(Path(found[name]["folder"])).values())
    assert 1 <= got / explored_bytes(whole) <= 1.05
    there = sum(tensor.numel() for tensor in theirs.values())
    # of two towers the vision tower is fetched, and is a model of its own
    theirs |= {key.removeprefix("vision_model."): value for key, value in theirs.items()}
    assert mine
    assert mine.keys() <= theirs.keys()
    for key, value in mine.items():
        assert torch.equal(value, theirs[key]), key
    if not FAMILIES[name].tower_only or not family_class(name).no_text_tower:
        assert sum(tensor.numel() for tensor in mine.values()) < there


def test_no_more_is_fetched_than_is_needed(built, fetched):
    # single files of some 500 kB: what is read of a header is 16 kB at least
    hub, _ = fetched
    headers = len(built) * (48 << 10)
    assert hub.weights <= sum(needed_bytes(folder) for folder in built.values()) + headers
