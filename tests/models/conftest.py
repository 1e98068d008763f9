"""Tiny models are fastest on one thread, most of all where the machine is busy; each family's is built once a run."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.families import FAMILIES, build, isolate
from tests.families.pictures import picture
from tests.families.reference import Reference, WholeModel
from vlmtui.catalogue import ModelSource
from vlmtui.models.loading.loader import load_model
from vlmtui.models.loading.model_folder import find_checkpoint
from vlmtui.models.vlm import VisionLanguageModel

Folders = Callable[[str, bool], Path]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """The tiny checkpoint of a family, built when it is first asked for; or the one with its attention put out."""

    @functools.cache
    def folder(name: str, isolated: bool) -> Path:
        if isolated:
            return isolate(folder(name, False), tmp_path_factory.mktemp("alone") / name)
        return build(name, tmp_path_factory.mktemp("family") / name)

    return folder


@pytest.fixture(scope="session")
def held(folders: Folders) -> Callable[[str, bool], VisionLanguageModel]:
    """vlmtui's model of a family."""

    @functools.cache
    def model(name: str, isolated: bool = False) -> VisionLanguageModel:
        checkpoint = find_checkpoint(ModelSource("tiny", folders(name, isolated), None), None, lambda *_: None)
        return VisionLanguageModel(load_model(checkpoint, lambda *_: None, device="cpu"))

    return model


@pytest.fixture(scope="session")
def whole(folders: Folders) -> Callable[[str], WholeModel]:
    """transformers' own model of a family, with all of its layers."""
    return functools.cache(lambda name: WholeModel(folders(name, False), FAMILIES[name]))


@pytest.fixture(scope="session")
def truth(whole: Callable[[str], WholeModel]) -> Callable[[str, str], Reference]:
    """What the whole model makes of a picture."""

    @functools.cache
    def seen(name: str, shape: str) -> Reference:
        return whole(name).see(Image.fromarray(picture(*FAMILIES[name].shapes[shape]).rgb))

    return seen
