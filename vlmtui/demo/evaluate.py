"""Every figure of the card, computed again: `python -m vlmtui.demo.evaluate`.

Writes `figures.json` beside the weights and the tables of CARD.md between its markers.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any, Final

from vlmtui.demo import CHECKPOINT
from vlmtui.demo.answers import Speaker, answer_accuracy, photographs, vectors
from vlmtui.demo.card import write_card
from vlmtui.demo.lenses import lens_figures
from vlmtui.demo.measure import held_out, patch_accuracy
from vlmtui.demo.scenes import FIGURES

SCENES: Final = 1000
ASKED: Final = 200
USUAL: Final = 1000  # of training's scenes, from the first: where things usually are
PICTURES: Final = Path(__file__).parents[2] / "sample_images"


def evaluate(folder: Path, count: int, pictures: Path) -> dict[str, Any]:
    """All figures, from the checkpoint in `folder` and `count` held-out scenes."""
    began = time.monotonic()
    speaker = Speaker.load(folder)
    loading = time.monotonic() - began
    scenes = held_out(FIGURES, count)
    figures: dict[str, Any] = {"load seconds": round(loading, 2)}
    for metric in ("l2", "cosine"):
        figures[metric] = patch_accuracy(speaker.model, scenes, metric)
    figures["vectors"] = vectors(speaker, scenes[:20])
    figures["answers"] = answer_accuracy(speaker, scenes[:ASKED])
    figures["captions"] = [speaker.answer(s.image, "Describe the image.") for s in scenes[:6]]
    figures["photographs"] = photographs(speaker, pictures)
    figures["lenses"] = lens_figures(folder, scenes, ASKED, held_out(0, USUAL))
    return figures


def write_whole(path: Path, text: str) -> None:
    """Replace a file in one step."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text)
    os.replace(partial, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, default=CHECKPOINT, help="folder of the checkpoint")
    parser.add_argument("--scenes", type=int, default=SCENES)
    parser.add_argument("--pictures", type=Path, default=PICTURES, help="folder of photographs to show")
    parser.add_argument("--card", type=Path, default=Path(__file__).parent / "CARD.md")
    options = parser.parse_args()
    figures = evaluate(options.model, options.scenes, options.pictures)
    write_whole(options.model / "figures.json", json.dumps(figures, indent=1) + "\n")
    training = json.loads((options.model / "training.json").read_text())
    write_whole(options.card, write_card(options.card.read_text(), figures, training))
    shown = {k: v for k, v in figures["l2"].items() if k != "classes"}
    print(json.dumps({"l2": shown} | {k: figures[k] for k in ("answers", "photographs", "lenses")}, indent=1))


if __name__ == "__main__":
    main()
