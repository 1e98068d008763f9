"""Make the demo model: `python -m vlmtui.demo.train`.

Draws the scenes, trains in four stages of fixed steps, writes the checkpoint with its loss curve. A run that
is stopped goes on from its last checkpoint in `--work`. Seeds, steps and rates are all below.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import math
import os
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import torch
from torch.utils.data import DataLoader, Subset

from vlmtui.demo import CHECKPOINT
from vlmtui.demo.data import Batch, Scenes, Sentences, draw_ahead, prefix_ids
from vlmtui.demo.losses import PatchLoss, image_tokens, language_loss
from vlmtui.demo.measure import held_out, patch_accuracy
from vlmtui.demo.model import build_model, save
from vlmtui.demo.scenes import Scene

SEED: Final = 17
SCENES: Final = 16_000
# Watched while training; the card's figures are of other scenes, seen only once the run is over.
WATCHED: Final = 500_000_000
SAVE_EVERY: Final = 200


@dataclass(frozen=True)
class Stage:
    """One stretch of training.

    `patch` and `talk` weigh the two losses; the rate goes from `rate` to `rate * end` along a cosine. Of a batch of
    `size` pictures `talkers` are spoken of. `balance` 0 takes patches as they come, 1 every class alike. `hue`
    multiplies what colour words weigh in the targets: the more, the surer the model must be of a thing for its word
    to come before its colour.
    """

    name: str
    steps: int
    size: int
    rate: float
    end: float
    patch: float
    talk: float
    talkers: int
    balance: float
    hue: float


STAGES: Final[tuple[Stage, ...]] = (
    Stage("text", 250, 48, 1.5e-3, 0.3, 0, 1, 48, 0, 1.0),
    Stage("patch", 1000, 32, 1.2e-3, 0.3, 1, 0, 0, 0.6, 1.4),
    Stage("both", 1000, 32, 8e-4, 0.01, 1, 0.6, 16, 0.3, 1.4),
    Stage("polish", 300, 32, 3e-4, 0.02, 1, 0.6, 16, 0.1, 1.65),
)


class Trainer:
    """The model, its optimiser and where the run stands."""

    def __init__(self, stages: tuple[Stage, ...], work: Path, device: str, scenes: int, workers: int) -> None:
        self.stages, self.work, self.device = stages, work, torch.device(device)
        self.scenes, self.workers = scenes, workers
        self.model = build_model(SEED).to(self.device)
        if self.device.type == "cpu":  # its fused attention is slower backwards than plain products
            self.model.set_attn_implementation({"vision_config": "eager"})
        self.loss = PatchLoss().to(self.device)
        weights = [p for p in self.model.parameters() if p.ndim >= 2]
        others = [p for p in self.model.parameters() if p.ndim < 2] + list(self.loss.parameters())
        groups = [{"params": weights, "weight_decay": 0.03}, {"params": others, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.98), fused=True)
        self.before = torch.tensor(prefix_ids(), device=self.device)
        self.stage, self.step, self.seconds = 0, 0, 0.0
        self.curve: list[dict[str, Any]] = []

    @property
    def _file(self) -> Path:
        return self.work / "run.pt"

    def keep(self) -> None:
        """Write where the run stands; a crash leaves the last whole file."""
        state = {k: getattr(self, k) for k in ("stage", "step", "seconds", "curve")}
        parts = {k: getattr(self, k).state_dict() for k in ("model", "loss", "optimiser")}
        partial = self._file.with_suffix(".partial")
        torch.save({**state, **parts}, partial)
        os.replace(partial, self._file)

    def resume(self) -> None:
        if not self._file.exists():
            return
        saved = torch.load(self._file, map_location=self.device, weights_only=True)
        for name in ("model", "loss", "optimiser"):
            getattr(self, name).load_state_dict(saved[name])
        for name in ("stage", "step", "seconds", "curve"):
            setattr(self, name, saved[name])
        print(f"going on at stage {self.stage}, step {self.step}", flush=True)

    def _batches(self, index: int, stage: Stage) -> DataLoader[Batch]:
        data: Scenes | Sentences
        if stage.patch:
            data = Scenes(
                self.work / "scenes", self.scenes, (SEED, index), stage.steps, stage.size, stage.talkers, stage.balance
            )
        else:
            data = Sentences((SEED, index), stage.steps, stage.size)
        rest = Subset(data, range(self.step, stage.steps))
        return DataLoader(
            rest, batch_size=None, shuffle=False, num_workers=self.workers, prefetch_factor=4 if self.workers else None
        )

    def _losses(self, stage: Stage, batch: Batch) -> tuple[torch.Tensor, dict[str, float]]:
        total, said, tokens = torch.zeros((), device=self.device), {}, None
        if stage.patch:
            tokens = image_tokens(self.model, batch.pixels.float() / 127.5 - 1)
            patch = self.loss(tokens, batch.chosen, batch.told, self.model.get_input_embeddings().weight, stage.hue)
            total, said["patch"] = total + stage.patch * patch, float(patch.detach())
        if stage.talk:
            talk = language_loss(self.model, self.before, tokens, batch)
            total, said["language"] = total + stage.talk * talk, float(talk.detach())
        return total, said

    def run(self) -> None:
        self.resume()
        watched = held_out(WATCHED, 60)
        while self.stage < len(self.stages):
            stage = self.stages[self.stage]
            print(f"stage {stage.name}: {stage.steps} steps of {stage.size}", flush=True)
            began, seen, means = time.monotonic(), self.seconds, dict[str, float]()
            for batch in self._batches(self.stage, stage):
                said = self._learn(stage, batch)
                self.step += 1
                self.seconds = seen + time.monotonic() - began
                means = {k: 0.95 * means.get(k, v) + 0.05 * v for k, v in said.items()}
                last = self.step == stage.steps
                if self.step % 50 == 0 or last:
                    rounded = {k: round(v, 4) for k, v in means.items()}
                    at = {"stage": stage.name, "step": self.step, "seconds": round(self.seconds)}
                    self.curve.append({**at, **rounded})
                    print(self.curve[-1], flush=True)
                if self.step % SAVE_EVERY == 0 or last:
                    if stage.patch:
                        self._watch(watched)
                    self.keep()
            self.stage, self.step = self.stage + 1, 0
            self.keep()

    def _learn(self, stage: Stage, batch: Batch) -> dict[str, float]:
        """One step of the optimiser; what the losses were."""
        fall = 0.5 * (1 + math.cos(math.pi * self.step / stage.steps))
        for group in self.optimiser.param_groups:
            group["lr"] = stage.rate * (stage.end + (1 - stage.end) * fall) * min(1.0, (self.step + 1) / 60)
        batch = Batch(*(getattr(batch, f).to(self.device, non_blocking=True) for f in Batch.__dataclass_fields__))
        with torch.autocast(self.device.type, torch.bfloat16):
            total, said = self._losses(stage, batch)
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        return said

    def _watch(self, scenes: list[Scene]) -> None:
        found = patch_accuracy(self.model, scenes)
        found.pop("classes")
        self.curve[-1]["watched"] = found
        print(found, [round(float(s), 2) for s in self.loss.scales.detach().exp()], flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=CHECKPOINT)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "vlmtui-demo")
    parser.add_argument("--scenes", type=int, default=SCENES, help="fewer only to try the script")
    parser.add_argument("--workers", type=int, default=1, help="processes that make batches")
    parser.add_argument("--steps", type=float, default=1.0, help="a share of the steps, only to try the script")
    options = parser.parse_args()
    stages = tuple(replace(s, steps=max(2, int(s.steps * options.steps))) for s in STAGES)
    _keep_freed_memory()
    drawing = draw_ahead(options.work / "scenes", options.scenes, max(1, os.cpu_count() or 1))
    print(f"{options.scenes} scenes in {drawing:.0f} s", flush=True)
    trainer = Trainer(stages, options.work, options.device, options.scenes, options.workers)
    trainer.run()
    save(trainer.model, options.out)
    about = {
        "seed": SEED,
        "scenes": options.scenes,
        "drawing_seconds": round(drawing),
        "training_seconds": round(trainer.seconds),
        "device": _hardware(options.device),
        "torch": torch.__version__,
        "parameters": trainer.model.num_parameters(),
        "stages": [asdict(s) for s in trainer.stages],
        "curve": trainer.curve,
    }
    partial = options.out / "training.partial"
    partial.write_text(json.dumps(about, indent=1))
    os.replace(partial, options.out / "training.json")
    print(f"written to {options.out}", flush=True)


def _keep_freed_memory() -> None:
    """Ask glibc not to hand freed tensors back: faulting their pages in again took most of a CPU step."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        for option, value in ((-3, 1 << 30), (-1, (1 << 31) - 1), (-2, 1 << 28)):  # mmap and trim thresholds, top pad
            libc.mallopt(option, value)


def _hardware(device: str) -> str:
    if device != "cpu":
        return torch.cuda.get_device_name(device)
    name = "CPU"
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, {torch.get_num_threads()} threads"


if __name__ == "__main__":
    main()
