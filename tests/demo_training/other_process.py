"""The small recipe made on the CPU and on a device apart: `python -m tests.demo_training.other_process FOLDER`."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from demo_training import train
from tests import accelerator
from tests.demo_training.small_recipe import RECIPE


def main(folder: Path) -> None:
    accelerator.install()
    whole: Any = torch
    # in whole precision: how a device rounds to half is its own
    whole.autocast, whole.is_autocast_enabled = lambda *_, **__: nullcontext(), lambda *_: False
    for device in ("cpu", accelerator.NAME):
        run = train.Run(RECIPE, folder / f"work-{device}", device, 0, scenes=2)
        run.train()
        run.write(folder / device)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
