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
from demo_training.evaluation.answers import Speaker, answer_accuracy, photographs, vectors
from demo_training.evaluation.card import write_card
from demo_training.evaluation.lenses import lens_figures
from demo_training.evaluation.patch_accuracy import held_out, patch_accuracy
from demo_training.evaluation.photographs import photograph_scores
from demo_training.evaluation.retrieval import retrieval
from demo_training.evaluation.scene_kinds import kinds_told
from vlmtui.demo import WEIGHTS
from vlmtui.files import write_whole

SCENES: Final = 1000
ASKED: Final = 300
USUAL: Final = 1000  # of training's scenes, from the first: where things usually are
PICTURES: Final = Path(__file__).parents[1] / "sample_images"
CARD: Final = WEIGHTS.parent / "CARD.md"


def speaking(folder: Path, scenes: list[Scene]) -> dict[str, Any]:
    """Of a LLaVA: words at patches, answers, where its vectors lie, photographs."""
    speaker = Speaker.load(folder)
    figures: dict[str, Any] = {metric: patch_accuracy(speaker.model, scenes, metric) for metric in ("l2", "cosine")}
    figures["vectors"] = vectors(speaker, scenes[:50])
    figures["answers"] = answer_accuracy(speaker, scenes[:ASKED])
    figures["captions"] = [speaker.answer(s.image, "Describe the image.") for s in scenes[:6]]
    figures["labelled"] = photograph_scores(folder)
    figures["photographs"] = photographs(speaker, PICTURES)
    return figures


def demo(folder: Path, scenes: list[Scene]) -> dict[str, Any]:
    return speaking(folder, scenes) | {"lenses": lens_figures(folder, scenes, ASKED, held_out(0, USUAL))}


def pairing(folder: Path, scenes: list[Scene]) -> dict[str, Any]:
    return retrieval(SiglipModel.from_pretrained(folder, dtype="float32").eval(), scenes)


def naming(folder: Path, scenes: list[Scene]) -> dict[str, Any]:
    return kinds_told(ViTForImageClassification.from_pretrained(folder, dtype="float32").eval(), scenes)


MODELS: Final[dict[str, Callable[[Path, list[Scene]], dict[str, Any]]]] = {
    "demo": demo, "demo-captioned": speaking, "demo-siglip": pairing, "demo-vit": naming,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=Path, default=WEIGHTS, help="folder of the models' folders")
    parser.add_argument("--only", choices=MODELS, help="one model; the others' figures stay")
    parser.add_argument("--scenes", type=int, default=SCENES)
    parser.add_argument("--card", type=Path, default=CARD)
    options = parser.parse_args()
    scenes = held_out(FIGURES, options.scenes)
    for name in [options.only] if options.only else MODELS:
        began = time.monotonic()
        figures = MODELS[name](options.models / name, scenes)
        write_whole(options.models / name / "figures.json", (json.dumps(figures, indent=1) + "\n").encode())
        print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    write_whole(options.card, write_card(options.card.read_text(), read_figures(options.models)).encode())


def read_figures(models: Path) -> dict[str, dict[str, Any]]:
    """What was measured of each model (`figures`) and how it was made (`training`)."""
    parts = ("figures", "training")
    return {name: {part: json.loads((models / name / f"{part}.json").read_text()) for part in parts} for name in MODELS}


if __name__ == "__main__":
    main()
