"""The model `demo` with a larger grid, its position embeddings resampled: true words at a real token count.

`python -m tests.enlarged_demo FOLDER [--side 24]` writes the checkpoint and prints how often a thing of a labelled
patch is among the first five words at the token over that patch's centre, beside the same of the model as it ships.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from demo_training.evaluation.answers import LlavaCheckpoint
from demo_training.evaluation.patch_accuracy import nearest
from demo_training.evaluation.photographs import PICTURES, WORDS, bare, read_labels, spellings

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "vlmtui" / "demo" / "weights" / "demo"
POSITIONS = "vision_tower.embeddings.position_embedding.weight"
SIDE = 24
TEXT_POSITIONS = 4096


def enlarge(folder: Path, side: int = SIDE, source: Path = DEMO) -> Path:
    """Write `source` with side × side patches into `folder`, position embeddings resampled bicubically."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir():
        if path.name not in {"model.safetensors", "figures.json", "training.json"}:
            shutil.copy(path, folder / path.name)
    config = json.loads((folder / "config.json").read_text())
    pixels = side * config["vision_config"]["patch_size"]
    config["vision_config"]["image_size"] = pixels
    config["image_seq_length"] = side * side
    config["text_config"]["max_position_embeddings"] = TEXT_POSITIONS
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    processor = json.loads((folder / "processor_config.json").read_text())
    processor["image_processor"]["size"] = {"height": pixels, "width": pixels}
    (folder / "processor_config.json").write_text(json.dumps(processor, indent=2))
    weights = load_file(source / "model.safetensors")
    table = weights[POSITIONS]
    before = round(len(table) ** 0.5)
    square = table.float().reshape(1, before, before, -1).permute(0, 3, 1, 2)
    spread = torch.nn.functional.interpolate(square, (side, side), mode="bicubic", align_corners=False)
    weights[POSITIONS] = spread.permute(0, 2, 3, 1).reshape(side * side, -1).to(table.dtype).contiguous()
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder


def things_found(folder: Path, side: int) -> tuple[int, int]:
    """Labelled patches whose centre's token has one of their things in its first five words (l2), and all of them."""
    labels, checkpoint = read_labels(), LlavaCheckpoint.load(folder)
    words = checkpoint.model.get_input_embeddings().weight
    found = patches = 0
    for name, photograph in labels.photographs.items():
        with Image.open(PICTURES / name) as file:
            tokens = checkpoint.tokens(file.convert("RGB"))
        if len(tokens) != side * side:
            raise ValueError(f"{folder} gives {len(tokens)} image tokens, not {side} × {side}")
        counted = photograph.counted
        centres = np.array([(p.row + 0.5, p.col + 0.5) for p in counted]) * side / labels.grid
        rows, cols = np.floor(centres).astype(int).T
        ids = nearest(tokens[torch.from_numpy(rows * side + cols)], words, "l2", WORDS)
        for patch, row in zip(counted, ids.tolist(), strict=True):
            said = {bare(piece) for piece in checkpoint.processor.tokenizer.convert_ids_to_tokens(row)}
            found += any(not said.isdisjoint(spellings(thing)) for thing in patch.things)
            patches += 1
    return found, patches


def main() -> None:
    """Write the checkpoint, and print both shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--side", type=int, default=SIDE)
    given = parser.parse_args()
    labels = read_labels()
    for side, folder in ((labels.grid, DEMO), (given.side, enlarge(given.folder, given.side))):
        found, patches = things_found(folder, side)
        said = f"{found} of {patches} patches, {found / patches:.3f}"
        print(f"{side} × {side}: a thing in the first {WORDS} words at {said}")


if __name__ == "__main__":
    main()
