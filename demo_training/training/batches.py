"""Training batches.

Batch i of a stage depends on (seed, stage, i) alone: a stopped run goes on exactly where it was.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from demo_training import language
from demo_training.targets import signals
from demo_training.tokenizer import EOS, PAD, SPECIALS, inner_ids, text_ids, word_id
from demo_training.training.models import GRID
from demo_training.training.recipes import Stage
from demo_training.training.scene_store import Drawings, Pictures
from demo_training.vocabulary import CLASS_OF, CLASSES

IGNORE: Final = -100
PATCHES_A_PICTURE: Final = 98
NOTHING: Final = torch.zeros(0)


@dataclass(frozen=True)
class Batch:
    """What a stage learns from; what it does not need is empty.

    `pixels` uint8 `[b, 224, 224, 3]`; `kept` `[b, m]` the patches that the tower sees; `chosen` `[b, n]` patch indices
    and `told` `[b, n, SIGNALS]` their signals; `ids` `[s, t]` what follows the image tokens of the first s pictures,
    `answers` the same with IGNORE outside answers; `captions` `[b, 32]`; `kinds` `[b]` of scene.
    """

    pixels: Tensor = NOTHING
    kept: Tensor = NOTHING
    chosen: Tensor = NOTHING
    told: Tensor = NOTHING
    ids: Tensor = NOTHING
    answers: Tensor = NOTHING
    captions: Tensor = NOTHING
    kinds: Tensor = NOTHING

    def to(self, device: torch.device) -> Batch:
        return Batch(*(getattr(self, f.name).to(device, non_blocking=True) for f in fields(self)))


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


def pad(rows: list[list[int]], value: int) -> Tensor:
    width = max(map(len, rows))
    return torch.tensor([row + [value] * (width - len(row)) for row in rows])


def _conversations(rows: list[tuple[list[int], list[int]]]) -> dict[str, Tensor]:
    padding = SPECIALS.index(PAD)
    return {"ids": pad([ids for ids, _ in rows], padding), "answers": pad([said for _, said in rows], IGNORE)}


class Scenes(Dataset[Batch]):
    """Item i is the i-th batch of a stage on drawn scenes; `key` is (seed, number of the stage)."""

    def __init__(self, drawings: Drawings, key: tuple[int, int], stage: Stage) -> None:
        self._drawings, self._key, self._stage = drawings, key, stage
        self._classes = torch.tensor(CLASS_OF, device=drawings.device)
        if stage.patch:
            # Small things (wheels, rings, leaves) would hardly be seen if patches were chosen by area.
            areas = drawings.areas(self._classes, len(CLASSES))
            self._odds = (1 / (areas + 0.002)) ** stage.balance

    def __len__(self) -> int:
        return self._stage.steps

    def __getitem__(self, index: int) -> Batch:
        stage, rng = self._stage, np.random.default_rng([*self._key, index])
        pictures = self._drawings.take(stage.size, rng)
        parts: dict[str, Tensor] = {"pixels": pictures.rgb}
        if stage.kept < 1:
            order = rng.random((stage.size, GRID * GRID)).argsort(1)
            parts["kept"] = torch.from_numpy(np.sort(order[:, : round(GRID * GRID * stage.kept)], 1))
        if stage.patch:
            parts |= self._patches(pictures, rng)
        if stage.talkers or stage.match:
            facts = language.look(pictures.rgb, pictures.labels, pictures.glyphs)
            if stage.talkers:
                turns = [language.turns(one, rng) for one in facts[: stage.talkers]]
                parts |= _conversations([conversation(each) for each in turns])
            if stage.match:
                parts["captions"] = torch.tensor([text_ids(language.alt_text(one, rng)) for one in facts])
        if stage.kind:
            parts["kinds"] = torch.tensor(pictures.kinds)
        return Batch(**parts)

    def _patches(self, pictures: Pictures, rng: np.random.Generator) -> dict[str, Tensor]:
        """Which patches are asked, small things more often than they come, and what they should say."""
        told = signals(pictures.rgb, pictures.labels)
        share, main = told.labels.max(-1)
        odds = (self._odds[self._classes[main]] * share).cpu().numpy()
        # the n largest of u^(1/p) are n drawn without replacement with odds p (Efraimidis and Spirakis 2006)
        keys = np.log(rng.random(odds.shape)) / odds
        chosen = torch.from_numpy(np.argpartition(-keys, PATCHES_A_PICTURE, axis=1)[:, :PATCHES_A_PICTURE])
        signal = told.together()
        at = chosen.to(signal.device)[..., None].expand(-1, -1, signal.shape[-1])
        return {"chosen": chosen, "told": signal.gather(1, at)}


class Sentences(Dataset[Batch]):
    """Text without pictures, for the language model alone: forms of answers, and unrelated sentences."""

    def __init__(self, key: tuple[int, int], stage: Stage) -> None:
        self._key, self._stage = key, stage

    def __len__(self) -> int:
        return self._stage.steps

    def __getitem__(self, index: int) -> Batch:
        rng = np.random.default_rng([*self._key, index])
        rows = []
        for _ in range(self._stage.size):
            if rng.random() < 0.5:
                text = [i for _ in range(4) for i in inner_ids(" " + language.babble(rng))]
                rows.append((text, text))
            else:
                rows.append(conversation(language.turns(language.fake_facts(rng), rng)))
        return Batch(**_conversations(rows))


def prefix_ids() -> list[int]:
    """What precedes the image tokens: BOS and the template's opening."""
    return [1, word_id("USER"), *inner_ids(":"), *inner_ids(" ")]
