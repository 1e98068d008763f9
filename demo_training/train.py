"""Make the demo models: `python -m demo_training.train`.

Draws the scenes, trains each model of the recipe in turn, and writes its folder with the loss curve beside the weights.
A run that was stopped continues from its state in `--work`. `--recipe shipped` makes the weights that ship.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

import torch

from demo_training.evaluation.patch_accuracy import scenes_from
from demo_training.training import models
from demo_training.training.recipes import RECIPES, Model, Recipe
from demo_training.training.scene_store import SCENE_BYTES, SceneStore, draw_scenes
from demo_training.training.tasks import LlavaTask, SiglipTask, Task, VitTask
from demo_training.training.trainer import Trainer
from vlmtui.files import write_whole

SEED: Final = 17
# First seed of the scenes that a run is validated on; the card's figures are of other scenes.
VALIDATION: Final = 500_000_000
VALIDATION_SCENES: Final = 120
FOLDERS: Final[dict[Model, str]] = {
    "siglip": "demo-siglip", "captioned": "demo-captioned", "demo": "demo", "vit": "demo-vit",
}  # fmt: skip


class Run:
    """Training of all models of a recipe, each from the weights of earlier ones; `scenes` are for validation."""

    def __init__(self, recipe: Recipe, work: Path, device: str, workers: int, scenes: int = VALIDATION_SCENES) -> None:
        self.recipe, self.work, self.workers = recipe, work, workers
        self.drawing_seconds = draw_scenes(work / "scenes", recipe.scenes, max(1, os.cpu_count() or 1))
        print(f"{recipe.scenes} scenes in {self.drawing_seconds:.0f} s", flush=True)
        self._scenes = SceneStore(work / "scenes", recipe.scenes, torch.device(device))
        self._validation = scenes_from(VALIDATION, scenes)
        self.trainers: dict[Model, Trainer] = {}

    def train(self) -> None:
        """Train every model, or continue where the run was stopped."""
        for number, name in enumerate(self.recipe.stages):
            file = self.work / f"{name}.pt"
            seed = SEED + 1000 * number
            task = self._task_builders[name](seed)
            stages = self.recipe.stages[name]
            trainer = Trainer(file, task, stages, seed, self._scenes, self.workers, self._validation)
            trainer.run()
            self.trainers[name] = trainer

    @property
    def _task_builders(self) -> dict[Model, Callable[[int], Task]]:
        return {
            "siglip": lambda seed: SiglipTask(models.build_siglip(self.recipe.sizes, seed)),
            "language": lambda seed: LlavaTask(models.build_llava(self.recipe.sizes, seed)),
            "captioned": self._llava,
            "demo": self._llava,
            "vit": self._vit,
        }

    def _llava(self, seed: int) -> Task:
        llava = models.build_llava(self.recipe.sizes, seed)
        models.copy_tower(self.trainers["siglip"].task.model, llava)
        models.copy_language(self.trainers["language"].task.model, llava)
        return LlavaTask(llava)

    def _vit(self, seed: int) -> Task:
        vit = models.build_vit(self.recipe.sizes, seed)
        models.copy_tower_to_vit(self.trainers["siglip"].task.model, vit)
        return VitTask(vit)

    def write(self, out: Path) -> None:
        """Write the models that ship, each into its folder of `out`."""
        for name, folder in FOLDERS.items():
            about = {"training.json": json.dumps(self._about(name), indent=1)}
            models.save(self.trainers[name].task.model, out / folder, about)

    def _about(self, name: Model) -> dict[str, object]:
        trainer = self.trainers[name]
        return {
            "seed": SEED,
            "scenes": self.recipe.scenes,
            "drawing_seconds": round(self.drawing_seconds),
            "training_seconds": round(trainer.seconds),
            "language_seconds": round(self.trainers["language"].seconds),
            "device": _hardware(trainer.device),
            "torch": torch.__version__,
            "parameters": sum(p.numel() for p in trainer.task.model.parameters()),
            "stages": [asdict(stage) for stage in trainer.stages],
            "curve": trainer.curve,
        }


def main() -> None:
    """Train the models of a recipe and write them."""
    parser = argparse.ArgumentParser("python -m demo_training.train", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cpu", help="of torch: cpu, cuda, cuda:1")
    parser.add_argument("--recipe", choices=RECIPES, help="hour on a CPU, large on a GPU, unless it is told")
    parser.add_argument("--work", type=Path, help="where scenes lie and the run stands: /tmp/vlmtui-demo-RECIPE")
    parser.add_argument("--out", type=Path, help="where the models' folders are written: WORK/models")
    parser.add_argument("--workers", type=int, default=1, help="processes that make batches")
    parser.add_argument("--part", type=float, default=1.0, help="of scenes and steps, only to try the script")
    options = parser.parse_args()
    if not 0 < options.part <= 1:
        parser.error("--part is a share of the recipe, above 0 and at most 1")
    name = options.recipe or ("large" if options.device.startswith("cuda") else "hour")
    recipe = RECIPES[name]
    if options.part < 1:
        recipe, name = shortened(recipe, options.part), f"{name}-{options.part:g}"
    work = options.work or Path(tempfile.gettempdir()) / f"vlmtui-demo-{name}"
    out = options.out or work / "models"
    check_device(options.device, recipe)
    _keep_freed_memory()
    try:
        claim_folder(work, recipe)
        run = Run(recipe, work, options.device, options.workers)
        run.train()
        run.write(out)
    except OSError as error:
        raise SystemExit(f"{error}. Name other folders with --work and --out; what is done is kept.") from None
    except KeyboardInterrupt:
        raise SystemExit(f"\nStopped. The same command goes on from what stands in {work}.") from None
    print(f"written to {out}", flush=True)


def check_device(device: str, recipe: Recipe) -> None:
    """Raise SystemExit where torch cannot use the device, or a GPU has no room for the scenes."""
    try:
        torch.empty(0, device=device)
        free = torch.cuda.mem_get_info(device)[0] if device.startswith("cuda") else None
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        why = str(error).splitlines()[0][:160]
        raise SystemExit(f"torch cannot use {device} ({why}): choose another with --device, such as cpu") from None
    needed = recipe.scenes * SCENE_BYTES
    if free is not None and needed > free:
        raise SystemExit(
            f"{recipe.scenes} scenes need {needed / 1e9:.1f} GB on {device}, which has {free / 1e9:.1f} GB free: "
            "choose --recipe shipped or --recipe hour, which have fewer"
        )


def claim_folder(work: Path, recipe: Recipe) -> None:
    """Make `work` the folder of this recipe; SystemExit where it has the run of another recipe."""
    written, own = work / "recipe.json", json.dumps(asdict(recipe), indent=1)
    if written.exists() and written.read_text() != own:
        raise SystemExit(f"{work} holds the run of another recipe: name another folder with --work, or remove it.")
    work.mkdir(parents=True, exist_ok=True)
    write_whole(written, own.encode())


def shortened(recipe: Recipe, part: float) -> Recipe:
    """Shorten a recipe: the same models with a part of the scenes and steps."""
    stages = {
        name: tuple(replace(stage, steps=max(2, int(stage.steps * part))) for stage in each)
        for name, each in recipe.stages.items()
    }
    return replace(recipe, scenes=max(2, int(recipe.scenes * part)), stages=stages)


def _keep_freed_memory() -> None:
    """Ask glibc to keep freed memory: mapping its pages again took most of a training step on a CPU."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        for option, value in ((-3, 1 << 30), (-1, (1 << 31) - 1), (-2, 1 << 28)):  # mmap and trim thresholds, top pad
            libc.mallopt(option, value)


def _hardware(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type != "cpu":
        return device.type
    name = "CPU"
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, {torch.get_num_threads()} threads"


if __name__ == "__main__":
    main()
