"""Store of drawn scenes, and the batches that are cropped from it, mirrored and with another brightness each time."""

from __future__ import annotations

import json
import shutil
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from demo_training.drawings.canvas import BASE_SIDE
from demo_training.drawings.scenes import KINDS, make_scene
from demo_training.training.models import PIXELS
from demo_training.vocabulary import CLASS_OF, INDEX
from vlmtui.files import write_whole

CHUNK: Final = 250
SCENE_BYTES: Final = BASE_SIDE**2 * 4  # three colour channels and a label for each pixel


def _draw(start: int, stop: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], list[dict[str, Any]]]:
    scenes = [make_scene(seed) for seed in range(start, stop)]
    kinds = list(KINDS)
    return (
        np.stack([np.asarray(s.image) for s in scenes]),
        np.stack([s.labels for s in scenes]),
        [{"kind": kinds.index(s.kind), "glyphs": s.glyphs, "written": _written(s.labels)} for s in scenes],
    )


def _written(labels: NDArray[np.uint8]) -> bool:
    """Whether a scene has letters or digits, which mirroring would spoil."""
    return bool(np.isin(np.array(CLASS_OF)[labels], [INDEX["letter"], INDEX["digit"]]).any())


def _array(path: Path, shape: tuple[int, ...]) -> np.memmap[Any, np.dtype[np.uint8]]:
    array: np.memmap[Any, np.dtype[np.uint8]] = np.lib.format.open_memmap(path, "w+", np.uint8, shape)  # type: ignore[no-untyped-call]
    return array


def draw_scenes(folder: Path, count: int, workers: int) -> float:
    """Draw scenes 0..count into arrays in `folder` unless they are there; returns the seconds that drawing took.

    OSError where the disk has no room for them: a mapped file that outgrows its disk would kill the process.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / f"done-{count}.json"
    if done.exists():
        return float(json.loads(done.read_text())["seconds"])
    needed, free = count * SCENE_BYTES, shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(f"{count} scenes need {needed / 1e9:.1f} GB, {folder} has {free / 1e9:.1f} GB free")
    began = time.monotonic()
    images = _array(folder / "images.npy", (count, BASE_SIDE, BASE_SIDE, 3))
    labels = _array(folder / "labels.npy", (count, BASE_SIDE, BASE_SIDE))
    scenes: list[dict[str, Any]] = []
    starts = range(0, count, CHUNK)
    stops = [min(count, s + CHUNK) for s in starts]
    with ProcessPoolExecutor(workers) as pool:
        for start, stop, made in zip(starts, stops, pool.map(_draw, starts, stops), strict=True):
            images[start:stop], labels[start:stop] = made[0], made[1]
            scenes += made[2]
    images.flush()
    labels.flush()
    seconds = round(time.monotonic() - began, 1)
    write_whole(done, json.dumps({"seconds": seconds, "scenes": scenes}).encode())
    return seconds


@dataclass(frozen=True)
class SceneBatch:
    """Images of a batch, with the characters and the index of the kind of each scene.

    `rgb` uint8 `[b, 224, 224, 3]` and `labels` uint8 `[b, 224, 224]` are on one device.
    """

    rgb: Tensor
    labels: Tensor
    glyphs: list[str]
    kinds: list[int]


class SceneStore:
    """Scenes written by `draw_scenes`: in the memory of a GPU, or read from disk as they are needed."""

    def __init__(self, folder: Path, count: int, device: torch.device) -> None:
        # mode "c" maps copy-on-write: torch requires a writable array, but nothing is written
        self._images = torch.from_numpy(np.load(folder / "images.npy", mmap_mode="c")[:count]).to(device)
        self._labels = torch.from_numpy(np.load(folder / "labels.npy", mmap_mode="c")[:count]).to(device)
        self._scenes: list[dict[str, Any]] = json.loads((folder / f"done-{count}.json").read_text())["scenes"]
        self.device = device

    def __len__(self) -> int:
        return len(self._images)

    def areas(self, classes: Tensor, count: int) -> Tensor:
        """Share of pixels of each of `count` classes in the first scenes; `classes` has the class of each label."""
        labels = self._labels[:1500, ::6, ::6].long()
        shares = torch.bincount(classes.to(self.device)[labels].flatten(), minlength=count).double()
        return shares / shares.sum()

    def take(self, size: int, rng: np.random.Generator) -> SceneBatch:
        """Take `size` random crops, half of them mirrored unless they show print, with random brightness and tint."""
        at = rng.integers(0, len(self), size)
        corners = rng.integers(0, BASE_SIDE - PIXELS + 1, (size, 2))
        mirrored = rng.random(size) < 0.5
        rgb, labels = [], []
        for i, (y, x), turned in zip(at, corners, mirrored, strict=True):
            window = (int(i), slice(y, y + PIXELS), slice(x, x + PIXELS))
            pixels, names = self._images[window], self._labels[window]
            if turned and not self._scenes[i]["written"]:
                pixels, names = pixels.flip(1), names.flip(1)
            rgb.append(pixels)
            labels.append(names)
        gains = rng.uniform(0.8, 1.2, (size, 1)) * (1 + rng.normal(0, 0.05, (size, 3)))
        ramps = (np.arange(256) / 255) ** rng.uniform(0.85, 1.2, (size, 1)) * 255
        tables = np.clip(ramps[:, None] * gains[..., None], 0, 255).astype(np.uint8)
        lit = _apply_tables(torch.stack(rgb), torch.from_numpy(tables).to(self.device))
        scenes = [self._scenes[i] for i in at]
        glyphs, kinds = [scene["glyphs"] for scene in scenes], [scene["kind"] for scene in scenes]
        return SceneBatch(lit, torch.stack(labels), glyphs, kinds)


def _apply_tables(rgb: Tensor, tables: Tensor) -> Tensor:
    """Map each channel of `[b, h, w, 3]` by its own table `[b, 3, 256]`."""
    offsets = torch.arange(tables.shape[0] * 3, device=rgb.device, dtype=torch.int32).reshape(-1, 1, 1, 3) * 256
    return tables.flatten()[rgb.int() + offsets]
