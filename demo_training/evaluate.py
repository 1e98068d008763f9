"""Every figure of the card, computed again: `python -m demo_training.evaluate`.

Writes `figures.json` beside each model's weights and the tables of CARD.md between its markers.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from transformers import SiglipModel, ViTForImageClassification

from demo_training.drawings.scenes import FIGURES, Scene
from demo_training.evaluation.answers import LlavaCheckpoint, answer_accuracy, photograph_captions, vector_figures
from demo_training.evaluation.card import write_card
from demo_training.evaluation.lenses import lens_figures
from demo_training.evaluation.patch_accuracy import patch_accuracy, scenes_from
from demo_training.evaluation.photographs import photograph_scores
from demo_training.evaluation.retrieval import retrieval
from demo_training.evaluation.scene_kinds import kind_accuracy
from vlmtui.demo import WEIGHTS
from vlmtui.files import write_whole

SCENES: Final = 1000
ASKED: Final = 300
USUAL: Final = 1000  # scenes of the training, from the first, that tell where things usually are
PHOTOGRAPHS: Final = Path(__file__).parents[1] / "sample_images"
CARD: Final = WEIGHTS.parent / "CARD.md"


def llava_figures(folder: Path, scenes: list[Scene]) -> dict[str, Any]:
    """Figures of a LLaVA: words at patches, answers, lengths and distances of its vectors, photographs."""
    checkpoint = LlavaCheckpoint.load(folder)
    figures: dict[str, Any] = {metric: patch_accuracy(checkpoint.model, scenes, metric) for metric in ("l2", "cosine")}
    figures["vectors"] = vector_figures(checkpoint, scenes[:50])
    figures["answers"] = answer_accuracy(checkpoint, scenes[:ASKED])
    figures["captions"] = [checkpoint.answer(s.image, "Describe the image.") for s in scenes[:6]]
    figures["labelled"] = photograph_scores(folder)
    figures["photographs"] = photograph_captions(checkpoint, PHOTOGRAPHS)
    return figures


def demo_figures(folder: Path, scenes: list[Scene]) -> dict[str, Any]:
    """Figures of `demo`, which include those of the lenses."""
    return llava_figures(folder, scenes) | {"lenses": lens_figures(folder, scenes, ASKED, scenes_from(0, USUAL))}


def siglip_figures(folder: Path, scenes: list[Scene]) -> dict[str, Any]:
    """Figures of `demo-siglip`."""
    return retrieval(SiglipModel.from_pretrained(folder, dtype="float32").eval(), scenes)


def vit_figures(folder: Path, scenes: list[Scene]) -> dict[str, Any]:
    """Figures of `demo-vit`."""
    return kind_accuracy(ViTForImageClassification.from_pretrained(folder, dtype="float32").eval(), scenes)


MODELS: Final[dict[str, Callable[[Path, list[Scene]], dict[str, Any]]]] = {
    "demo": demo_figures, "demo-captioned": llava_figures, "demo-siglip": siglip_figures, "demo-vit": vit_figures,
}  # fmt: skip


def main() -> None:
    """Evaluate the models, and write their figures and the card."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=Path, default=WEIGHTS, help="folder of the models' folders")
    parser.add_argument("--only", choices=MODELS, help="one model; the others' figures stay")
    parser.add_argument("--scenes", type=int, default=SCENES)
    parser.add_argument("--card", type=Path, default=CARD)
    options = parser.parse_args()
    scenes = scenes_from(FIGURES, options.scenes)
    for name in [options.only] if options.only else MODELS:
        began = time.monotonic()
        figures = MODELS[name](options.models / name, scenes)
        write_whole(options.models / name / "figures.json", (json.dumps(figures, indent=1) + "\n").encode())
        print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    write_whole(options.card, write_card(options.card.read_text(), read_figures(options.models)).encode())


def read_figures(models: Path) -> dict[str, dict[str, Any]]:
    """Read the figures of each model (`figures`) and the record of its training (`training`)."""
    parts = ("figures", "training")
    return {name: {part: json.loads((models / name / f"{part}.json").read_text()) for part in parts} for name in MODELS}


if __name__ == "__main__":
    main()
