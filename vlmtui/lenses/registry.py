"""Lens registry: the built-in lenses, one line each in listing order, and those of other packages. No torch."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from vlmtui.lenses.base import Lens

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

FOLDERS: tuple[str, ...] = (
    "similarity",
    "pca",
    "find",
    "class_evidence",
    "position_embedding",
    "projector",
    "local_words",
    "logit_lens",
    "hidden_states",
    "nearest_tokens",
    "norms",
    "noise_baseline",
    "agreement",
    "attention",
    "rollout",
    "gradient",
    "occlusion",
    "ablation",
    "mask",
    "patch_embedding",
    "image_text",
    "classes",
    "vocabulary",
)
"""The folders of the built-in lenses. A new lens needs a folder and a line here."""
GROUP = "vlmtui.lenses"
"""The entry point group under which other packages offer lenses."""


@lru_cache(maxsize=1)
def built_in_lenses() -> dict[str, Lens]:
    """Every built-in lens by name, in listing order."""
    return {one.name: one for folder in FOLDERS for one in lenses_defined_in(import_module(f"{__package__}.{folder}"))}


def listed_lenses() -> tuple[Lens, ...]:
    """The built-in lenses that `--lens` accepts."""
    return tuple(one for one in built_in_lenses().values() if one.offer.listed)


def find_lens(name: str) -> Lens | None:
    """The built-in lens of this name, or None."""
    return built_in_lenses().get(name)


def lens_entry_points() -> tuple[EntryPoint, ...]:
    """The entry points of installed packages; none of them is imported."""
    from importlib import invalidate_caches
    from importlib.metadata import entry_points

    invalidate_caches()  # a package may have been installed since
    return tuple(entry_points(group=GROUP))


def lenses_defined_in(module: ModuleType) -> Iterator[Lens]:
    """The lenses that a module itself defines, in order; lenses that it only imports are left out."""
    seen: set[int] = set()
    for value in vars(module).values():
        if isinstance(value, Lens) and value.function.__module__ == module.__name__ and id(value) not in seen:
            seen.add(id(value))
            yield value
