"""Training batches: scenes drawn ahead into a cache, then cropped, mirrored and re-lit anew every time.

Batch i of a stage depends on (seed, stage, i) alone, so a stopped run goes on exactly where it was.
"""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from vlmtui.demo import language
from vlmtui.demo.canvas import BASE_SIDE
from vlmtui.demo.model import GRID, PIXELS
from vlmtui.demo.scenes import make_scene
from vlmtui.demo.targets import SIGNALS, signals
from vlmtui.demo.tokenizer import EOS, inner_ids, word_id
from vlmtui.demo.words import CLASS_OF, CLASSES

CHUNK: Final = 250
IGNORE: Final = -100
PATCHES_A_PICTURE: Final = 56


def _draw(start: int, stop: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], list[str]]:
    scenes = [make_scene(seed) for seed in range(start, stop)]
    return (
        np.stack([np.asarray(s.image) for s in scenes]),
        np.stack([s.labels for s in scenes]),
        [s.glyphs for s in scenes],
    )


def _array(path: Path, shape: tuple[int, ...]) -> np.memmap[Any, np.dtype[np.uint8]]:
    array: np.memmap[Any, np.dtype[np.uint8]] = np.lib.format.open_memmap(path, "w+", np.uint8, shape)  # type: ignore[no-untyped-call]
    return array


def draw_ahead(folder: Path, count: int, workers: int) -> float:
    """Scenes 0..count as arrays in `folder`, if they are not there whole; returns the seconds that drawing took."""
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / f"done-{count}.json"
    if done.exists():
        return float(json.loads(done.read_text())["seconds"])
    began = time.monotonic()
    images = _array(folder / "images.npy", (count, BASE_SIDE, BASE_SIDE, 3))
    labels = _array(folder / "labels.npy", (count, BASE_SIDE, BASE_SIDE))
    glyphs: list[str] = []
    starts = range(0, count, CHUNK)
    stops = [min(count, s + CHUNK) for s in starts]
    with ProcessPoolExecutor(workers) as pool:
        for start, stop, made in zip(starts, stops, pool.map(_draw, starts, stops), strict=True):
            images[start:stop], labels[start:stop] = made[0], made[1]
            glyphs += made[2]
    images.flush()
    labels.flush()
    partial = done.with_suffix(".partial")
    seconds = round(time.monotonic() - began, 1)
    partial.write_text(json.dumps({"seconds": seconds, "glyphs": glyphs}))
    os.replace(partial, done)
    return seconds


@dataclass(frozen=True)
class Batch:
    """`pixels` `[b, 3, 224, 224]` uint8; `chosen` `[b, n]` patch indices; `told` `[b, n, SIGNALS]`, their signals;
    `ids` `[s, t]` what follows the image tokens of the first s, `answers` the same with IGNORE outside answers."""

    pixels: torch.Tensor
    chosen: torch.Tensor
    told: torch.Tensor
    ids: torch.Tensor
    answers: torch.Tensor


def conversation(turns: list[tuple[str, str]]) -> tuple[list[int], list[int]]:
    """What follows the image in the shipped chat template, and the answers in it to learn."""
    ids: list[int] = []
    answers: list[int] = []
    end = inner_ids(EOS)
    for i, (question, answer) in enumerate(turns):
        asked = inner_ids(("\n" if i == 0 else "USER: ") + f"{question} ASSISTANT:")
        said = (*inner_ids(" " + answer), *end)
        ids += (*asked, *said)
        answers += ([IGNORE] * len(asked)) + list(said)
    return ids, answers


def pad(rows: list[list[int]], value: int) -> torch.Tensor:
    width = max(map(len, rows))
    return torch.tensor([row + [value] * (width - len(row)) for row in rows])


class Scenes(Dataset[Batch]):
    """Item i is the i-th batch of a stage."""

    def __init__(
        self, folder: Path, count: int, key: tuple[int, int], steps: int, size: int, talkers: int, balance: float
    ) -> None:
        """Batches of `size` pictures, the first `talkers` of which are spoken of; `key` is (seed, stage)."""
        self.images = np.load(folder / "images.npy", mmap_mode="r")
        self.labels = np.load(folder / "labels.npy", mmap_mode="r")
        self.glyphs: list[str] = json.loads((folder / f"done-{count}.json").read_text())["glyphs"]
        self.key, self.steps, self.size, self.talkers = key, steps, size, talkers
        areas = np.bincount(np.array(CLASS_OF)[self.labels[:1500:1, ::6, ::6].ravel()], minlength=len(CLASSES))
        # Small things (wheels, rings, leaves) would hardly be seen if patches were chosen by area.
        self.odds = (1 / (areas / areas.sum() + 0.002)) ** balance

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> Batch:
        if index >= self.steps:
            raise IndexError(index)
        rng = np.random.default_rng([*self.key, index])
        pixels, chosen, told = [], [], []
        ids: list[list[int]] = []
        answers: list[list[int]] = []
        for at in rng.integers(0, len(self.images), self.size):
            rgb, labels = self._vary(int(at), rng)
            signal = signals(rgb, labels)
            main = np.array(CLASS_OF)[signal.labels.argmax(1)]
            p = self.odds[main] * signal.labels.max(1)
            pick = rng.choice(GRID * GRID, PATCHES_A_PICTURE, replace=False, p=p / p.sum())
            pixels.append(rgb)
            chosen.append(pick)
            told.append(np.concatenate([signal.labels[pick], signal.colours[pick]], 1))
            if len(ids) < self.talkers:
                row, answer = conversation(language.turns(language.look(rgb, labels, self.glyphs[at]), rng))
                ids.append(row)
                answers.append(answer)
        stack = np.stack(told)
        assert stack.shape == (self.size, PATCHES_A_PICTURE, SIGNALS)
        none = torch.zeros(self.size, 0, dtype=torch.long)
        return Batch(
            torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(np.stack(chosen)),
            torch.from_numpy(stack), pad(ids, 3) if ids else none, pad(answers, IGNORE) if ids else none,
        )  # fmt: skip

    def _vary(self, at: int, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """A crop, mirrored half of the time unless something is written in it, under another light."""
        y, x = rng.integers(0, BASE_SIDE - PIXELS + 1, 2)
        rgb = self.images[at, y : y + PIXELS, x : x + PIXELS]
        labels = self.labels[at, y : y + PIXELS, x : x + PIXELS]
        if not self.glyphs[at] and rng.random() < 0.5:
            rgb, labels = rgb[:, ::-1], labels[:, ::-1]
        gain = rng.uniform(0.8, 1.2) * (1 + rng.normal(0, 0.05, 3))
        ramp = (np.arange(256) / 255) ** rng.uniform(0.85, 1.2) * 255
        tables = np.clip(ramp[None] * gain[:, None], 0, 255).astype(np.uint8)
        out = np.stack([tables[k][rgb[..., k]] for k in range(3)], -1)
        return out, np.ascontiguousarray(labels)


class Sentences(Dataset[Batch]):
    """Text without pictures, for the language model alone: forms of answers, and unrelated sentences."""

    def __init__(self, key: tuple[int, int], steps: int, size: int) -> None:
        self.key, self.steps, self.size = key, steps, size

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> Batch:
        if index >= self.steps:
            raise IndexError(index)
        rng = np.random.default_rng([*self.key, index])
        ids, answers = [], []
        for _ in range(self.size):
            if rng.random() < 0.5:
                row = [i for _ in range(4) for i in inner_ids(" " + language.babble(rng))]
                answer = row
            else:
                row, answer = conversation(language.turns(language.fake_facts(rng), rng))
            ids.append(row)
            answers.append(answer)
        none = torch.zeros(0)
        return Batch(none, none, none, pad(ids, 3), pad(answers, IGNORE))


def prefix_ids() -> list[int]:
    """What precedes the image tokens: BOS and the template's opening."""
    return [1, word_id("USER"), *inner_ids(":"), *inner_ids(" ")]
