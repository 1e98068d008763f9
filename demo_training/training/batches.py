"""Training batches.

Batch i of a stage depends on (seed, stage, i) alone, so a stopped run continues exactly where it was.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from demo_training import language
from demo_training.targets import patch_signals
from demo_training.tokenizer import EOS, PAD, SPECIALS, inner_ids, text_ids, word_id
from demo_training.training.models import GRID
from demo_training.training.recipes import Stage
from demo_training.training.scene_store import SceneBatch, SceneStore
from demo_training.vocabulary import CLASS_OF, CLASSES

IGNORE: Final = -100
PATCHES_PER_IMAGE: Final = 98
EMPTY: Final = torch.zeros(0)


@dataclass(frozen=True)
class Batch:
    """One batch; tensors that the stage does not need are empty.

    `pixels` uint8 `[b, 224, 224, 3]`; `kept` `[b, m]` the patches that the tower sees; `chosen` `[b, n]` patch indices
    and `signals` `[b, n, SIGNALS]` theirs; `ids` `[s, t]` what follows the image tokens of the first s images,
    `answers` the same with IGNORE outside answers; `captions` `[b, 32]`; `kinds` `[b]` kinds of scene.
    """

    pixels: Tensor = EMPTY
    kept: Tensor = EMPTY
    chosen: Tensor = EMPTY
    signals: Tensor = EMPTY
    ids: Tensor = EMPTY
    answers: Tensor = EMPTY
    captions: Tensor = EMPTY
    kinds: Tensor = EMPTY

    def to(self, device: torch.device) -> Batch:
        """Move all tensors to a device."""
        return Batch(*(getattr(self, f.name).to(device, non_blocking=True) for f in fields(self)))


def conversation(turns: list[tuple[str, str]]) -> tuple[list[int], list[int]]:
    """Ids that follow the image in the shipped chat template, and the same with IGNORE outside the answers."""
    ids: list[int] = []
    answers: list[int] = []
    end = inner_ids(EOS)
    for i, (question, answer) in enumerate(turns):
        asked = inner_ids(("\n" if i == 0 else "USER: ") + f"{question} ASSISTANT:")
        said = (*inner_ids(" " + answer), *end)
        ids += (*asked, *said)
        answers += ([IGNORE] * len(asked)) + list(said)
    return ids, answers


def pad(rows: list[list[int]], value: int) -> Tensor:
    """Pad rows on the right to the longest."""
    width = max(map(len, rows))
    return torch.tensor([row + [value] * (width - len(row)) for row in rows])


def _conversations(rows: list[tuple[list[int], list[int]]]) -> dict[str, Tensor]:
    padding = SPECIALS.index(PAD)
    return {"ids": pad([ids for ids, _ in rows], padding), "answers": pad([said for _, said in rows], IGNORE)}


class SceneBatches(Dataset[Batch]):
    """Batches of a stage on drawn scenes, by number; `key` is (seed, number of the stage)."""

    def __init__(self, scenes: SceneStore, key: tuple[int, int], stage: Stage) -> None:
        self._scenes, self._key, self._stage = scenes, key, stage
        self._classes = torch.tensor(CLASS_OF, device=scenes.device)
        if stage.patch:
            # Small things (wheels, rings, leaves) would hardly be chosen if patches were chosen by area.
            areas = scenes.areas(self._classes, len(CLASSES))
            self._odds = (1 / (areas + 0.002)) ** stage.balance

    def __len__(self) -> int:
        return self._stage.steps

    def __getitem__(self, index: int) -> Batch:
        stage, rng = self._stage, np.random.default_rng([*self._key, index])
        images = self._scenes.take(stage.size, rng)
        parts: dict[str, Tensor] = {"pixels": images.rgb}
        if stage.kept < 1:
            order = rng.random((stage.size, GRID * GRID)).argsort(1)
            parts["kept"] = torch.from_numpy(np.sort(order[:, : round(GRID * GRID * stage.kept)], 1))
        if stage.patch:
            parts |= self._patches(images, rng)
        if stage.talkers or stage.match:
            facts = language.image_facts(images.rgb, images.labels, images.glyphs)
            if stage.talkers:
                turns = [language.turns(one, rng) for one in facts[: stage.talkers]]
                parts |= _conversations([conversation(each) for each in turns])
            if stage.match:
                parts["captions"] = torch.tensor([text_ids(language.alt_text(one, rng)) for one in facts])
        if stage.kind:
            parts["kinds"] = torch.tensor(images.kinds)
        return Batch(**parts)

    def _patches(self, images: SceneBatch, rng: np.random.Generator) -> dict[str, Tensor]:
        """Choose patches, those of small things more often than they occur, and compute their signals."""
        found = patch_signals(images.rgb, images.labels)
        share, main = found.labels.max(-1)
        odds = (self._odds[self._classes[main]] * share).cpu().numpy()
        # the n largest of u^(1/p) are n drawn without replacement with odds p (Efraimidis and Spirakis 2006)
        keys = np.log(rng.random(odds.shape)) / odds
        chosen = torch.from_numpy(np.argpartition(-keys, PATCHES_PER_IMAGE, axis=1)[:, :PATCHES_PER_IMAGE])
        signal = found.joined()
        at = chosen.to(signal.device)[..., None].expand(-1, -1, signal.shape[-1])
        return {"chosen": chosen, "signals": signal.gather(1, at)}


class TextBatches(Dataset[Batch]):
    """Batches of text without images, for the language model alone: forms of answers, and unrelated sentences."""

    def __init__(self, key: tuple[int, int], stage: Stage) -> None:
        self._key, self._stage = key, stage

    def __len__(self) -> int:
        return self._stage.steps

    def __getitem__(self, index: int) -> Batch:
        rng = np.random.default_rng([*self._key, index])
        rows = []
        for _ in range(self._stage.size):
            if rng.random() < 0.5:
                text = [i for _ in range(4) for i in inner_ids(" " + language.unrelated_sentence(rng))]
                rows.append((text, text))
            else:
                rows.append(conversation(language.turns(language.fake_facts(rng), rng)))
        return Batch(**_conversations(rows))


def prefix_ids() -> list[int]:
    """Ids that precede the image tokens: BOS and the template's opening."""
    return [1, word_id("USER"), *inner_ids(":"), *inner_ids(" ")]
