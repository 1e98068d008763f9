"""The loop that trains one model, stage by stage, and goes on where it was stopped."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import torch
from torch.utils.data import DataLoader, Subset

from demo_training.drawings.scenes import Scene
from demo_training.training.batches import Batch, Scenes, Sentences
from demo_training.training.recipes import Stage
from demo_training.training.scene_store import Drawings
from demo_training.training.tasks import Task
from vlmtui.files import whole_file

SAY_EVERY: Final = 50
SAVE_EVERY: Final = 100
WARMING: Final = 60


class Trainer:
    """A model in the making: its optimiser, where the run stands, `curve` of its losses."""

    def __init__(
        self, file: Path, task: Task, stages: tuple[Stage, ...], seed: int, drawings: Drawings, workers: int,
        watched: list[Scene],
    ) -> None:  # fmt: skip
        """`file` holds where the run stands; `workers` processes make the batches."""
        self.device = drawings.device
        self.task, self.stages = task.to(self.device), stages
        self.stage, self.step, self.seconds = 0, 0, 0.0
        self.curve: list[dict[str, Any]] = []
        self._file, self._seed, self._drawings, self._workers = file, seed, drawings, workers
        self._watched = watched
        if self.device.type == "cpu":  # its fused attention is slower backwards than plain products
            config = task.model.config
            task.model.set_attn_implementation(
                {"vision_config": "eager"} if hasattr(config, "vision_config") else "eager"
            )
        shapes = [p for p in task.parameters() if p.ndim >= 2]
        others = [p for p in task.parameters() if p.ndim < 2]
        groups = [{"params": shapes, "weight_decay": 0.03}, {"params": others, "weight_decay": 0.0}]
        self._optimiser = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.98), fused=True)

    def run(self) -> None:
        self._resume()
        while self.stage < len(self.stages):
            stage = self.stages[self.stage]
            print(f"{self._file.stem}, {stage.name}: {stage.steps} steps of {stage.size}", flush=True)
            for name, parameter in self.task.model.named_parameters():
                parameter.requires_grad_(not name.startswith(stage.frozen) if stage.frozen else True)
            began, seen, means = time.monotonic(), self.seconds, dict[str, float]()
            for batch in self._batches(stage):
                said = self._learn(stage, batch)
                self.step += 1
                self.seconds = seen + time.monotonic() - began
                means = {k: 0.95 * means.get(k, v) + 0.05 * v for k, v in said.items()}
                keeping = self.step % SAVE_EVERY == 0 or self.step == stage.steps
                if self.step % SAY_EVERY == 0 or keeping:
                    at = {"stage": stage.name, "step": self.step, "seconds": round(self.seconds)}
                    self.curve.append(at | {k: round(v, 4) for k, v in means.items()})
                    print(self.curve[-1], flush=True)
                if keeping:
                    if stage.pictures:
                        self.curve[-1]["watched"] = self.task.watch(self._watched)
                        print(self.curve[-1]["watched"], flush=True)
                    self._keep()
            self.stage, self.step = self.stage + 1, 0
            self._keep()

    def _keep(self) -> None:
        """Write where the run stands; a crash leaves the last whole file."""
        state = {k: getattr(self, k) for k in ("stage", "step", "seconds", "curve")}
        parts = {"task": self.task.state_dict(), "optimiser": self._optimiser.state_dict()}
        with whole_file(self._file) as file:
            torch.save({**state, **parts}, file)

    def _resume(self) -> None:
        if not self._file.exists():
            return
        saved = torch.load(self._file, map_location=self.device, weights_only=True)
        self.task.load_state_dict(saved["task"])
        self._optimiser.load_state_dict(saved["optimiser"])
        for name in ("stage", "step", "seconds", "curve"):
            setattr(self, name, saved[name])
        print(f"{self._file.stem}: going on at stage {self.stage}, step {self.step}", flush=True)

    def _batches(self, stage: Stage) -> Iterable[Batch]:
        key = (self._seed, self.stage)
        data = Scenes(self._drawings, key, stage) if stage.pictures else Sentences(key, stage)
        # where the scenes lie on a GPU, batches are made there
        workers = 0 if self.device.type == "cuda" else self._workers
        rest = Subset(data, range(self.step, stage.steps))
        return DataLoader(rest, batch_size=None, num_workers=workers, prefetch_factor=4 if workers else None)

    def _learn(self, stage: Stage, batch: Batch) -> dict[str, float]:
        """One step of the optimiser; what the losses were."""
        fall = 0.5 * (1 + math.cos(math.pi * self.step / (stage.steps * stage.span)))
        for group in self._optimiser.param_groups:
            group["lr"] = stage.rate * (stage.end + (1 - stage.end) * fall) * min(1.0, (self.step + 1) / WARMING)
        with torch.autocast(self.device.type, torch.bfloat16):
            losses = self.task.losses(stage, batch.to(self.device))
        total = torch.stack([getattr(stage, name) * loss for name, loss in losses.items()]).sum()
        self._optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.task.parameters(), 1.0)
        self._optimiser.step()
        return {name: float(loss.detach()) for name, loss in losses.items()}
