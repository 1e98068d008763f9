"""Training loop of one model, stage by stage; it continues where it was stopped."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import torch
from torch.utils.data import DataLoader, Subset

from demo_training.drawings.scenes import Scene
from demo_training.training.batches import Batch, SceneBatches, TextBatches
from demo_training.training.recipes import Stage
from demo_training.training.scene_store import SceneStore
from demo_training.training.tasks import Task
from vlmtui.files import whole_file

PRINT_EVERY: Final = 50
SAVE_EVERY: Final = 100
WARMUP_STEPS: Final = 60


class Trainer:
    """Training of one model: its optimiser, the state of the run, and the `curve` of its losses."""

    def __init__(
        self, file: Path, task: Task, stages: tuple[Stage, ...], seed: int, scenes: SceneStore, workers: int,
        validation: list[Scene],
    ) -> None:  # fmt: skip
        """`file` is where the state of the run is saved; `workers` processes make the batches."""
        self.device = scenes.device
        self.task, self.stages = task.to(self.device), stages
        self.stage, self.step, self.seconds = 0, 0, 0.0
        self.curve: list[dict[str, Any]] = []
        self._file, self._seed, self._scenes, self._workers = file, seed, scenes, workers
        self._validation = validation
        if self.device.type == "cpu":  # fused attention has a slower backward pass there than eager attention
            config = task.model.config
            task.model.set_attn_implementation(
                {"vision_config": "eager"} if hasattr(config, "vision_config") else "eager"
            )
        shapes = [p for p in task.parameters() if p.ndim >= 2]
        others = [p for p in task.parameters() if p.ndim < 2]
        groups = [{"params": shapes, "weight_decay": 0.03}, {"params": others, "weight_decay": 0.0}]
        self._optimiser = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.98), fused=True)

    def run(self) -> None:
        """Train all stages, or continue where the run was stopped."""
        self._resume()
        while self.stage < len(self.stages):
            stage = self.stages[self.stage]
            print(f"{self._file.stem}, {stage.name}: {stage.steps} steps of {stage.size}", flush=True)
            for name, parameter in self.task.model.named_parameters():
                parameter.requires_grad_(not name.startswith(stage.frozen) if stage.frozen else True)
            began, seen, means = time.monotonic(), self.seconds, dict[str, float]()
            for batch in self._batches(stage):
                losses = self._learn(stage, batch)
                self.step += 1
                self.seconds = seen + time.monotonic() - began
                means = {k: 0.95 * means.get(k, v) + 0.05 * v for k, v in losses.items()}
                saving = self.step % SAVE_EVERY == 0 or self.step == stage.steps
                if self.step % PRINT_EVERY == 0 or saving:
                    at = {"stage": stage.name, "step": self.step, "seconds": round(self.seconds)}
                    self.curve.append(at | {k: round(v, 4) for k, v in means.items()})
                    print(self.curve[-1], flush=True)
                if saving:
                    if stage.pictures:
                        self.curve[-1]["watched"] = self.task.validate(self._validation)
                        print(self.curve[-1]["watched"], flush=True)
                    self._save()
            self.stage, self.step = self.stage + 1, 0
            self._save()

    def _save(self) -> None:
        """Save the state of the run; a crash leaves the last complete file."""
        state = {k: getattr(self, k) for k in ("stage", "step", "seconds", "curve")}
        parts = {"task": self.task.state_dict(), "optimiser": self._optimiser.state_dict()}
        with whole_file(self._file) as file:
            torch.save({**state, **parts}, file)

    def _resume(self) -> None:
        """Load the saved state, if there is one."""
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
        data = SceneBatches(self._scenes, key, stage) if stage.pictures else TextBatches(key, stage)
        # scenes in the memory of a GPU become batches there
        workers = 0 if self.device.type == "cuda" else self._workers
        rest = Subset(data, range(self.step, stage.steps))
        return DataLoader(rest, batch_size=None, num_workers=workers, prefetch_factor=4 if workers else None)

    def _learn(self, stage: Stage, batch: Batch) -> dict[str, float]:
        """Make one step of the optimiser; returns the losses."""
        fall = 0.5 * (1 + math.cos(math.pi * self.step / (stage.steps * stage.span)))
        for group in self._optimiser.param_groups:
            group["lr"] = stage.rate * (stage.end + (1 - stage.end) * fall) * min(1.0, (self.step + 1) / WARMUP_STEPS)
        with torch.autocast(self.device.type, torch.bfloat16):
            losses = self.task.losses(stage, batch.to(self.device))
        total = torch.stack([getattr(stage, name) * loss for name, loss in losses.items()]).sum()
        self._optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.task.parameters(), 1.0)
        self._optimiser.step()
        return {name: float(loss.detach()) for name, loss in losses.items()}
