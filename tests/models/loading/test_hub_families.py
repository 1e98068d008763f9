"""Of every family, what is fetched by byte ranges is bit for bit what the whole model has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.families import DISTINCT, FAMILIES, build
from tests.hub import Hub, serving
from tests.models.loading.test_hub import fetch_all, needed_bytes, parameters
from vlmtui.models.families.registry import family_class


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: build(name, tmp_path_factory.mktemp("families") / name) for name in DISTINCT}


@pytest.fixture(scope="module")
def fetched(built: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hub, dict[str, dict]]]:
    with serving({f"org/{name}": folder for name, folder in built.items()}) as hub:
        found = fetch_all(tmp_path_factory.mktemp("home"), hub.endpoint, *((f"org/{name}", None, 0) for name in built))
        yield hub, dict(zip(built, found, strict=True))


@pytest.mark.parametrize("name", DISTINCT)
def test_what_is_fetched_is_what_the_whole_model_has(name, built, fetched):
    _, found = fetched
    assert "error" not in found[name], found[name]
    mine, theirs = parameters(Path(found[name]["folder"])), parameters(built[name], None)
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
