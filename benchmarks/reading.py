"""Reading one image against nothing but the forward pass of the vision tower: CLIP-L/14 at 336 pixels, random weights.

Reading is all that comes before the first result: decoding the file, preprocessing, the tower, the projector, places
and norms. The noise baseline follows the first result and is no part of it. The two ways take turns in one process.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from benchmarks import full_size
from benchmarks.startup import PHOTO
from vlmtui.images.decoding import MAX_PIXELS
from vlmtui.images.image_file import ImageFile, read_source

ROUNDS = 11
WANTED = 1.1


def rows() -> Iterator[tuple[str, str, str]]:
    """One row: the median of neighbouring rounds' ratios, with the smallest and the largest."""
    with tempfile.TemporaryDirectory() as folder:
        full_size.build(Path(folder))
        tower, read = _tower(folder), _reader(folder, read_source(str(PHOTO)))
        tower(), read()
        rounds = [(_seconds(read), _seconds(tower)) for _ in range(ROUNDS)]
    ratios = [reading / bare for reading, bare in rounds]
    reading, bare = (median(seconds) for seconds in zip(*rounds, strict=True))
    spread = f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    yield (
        "read an image (CLIP-L/14-336, float32) against the tower's forward pass in transformers alone",
        f"{1000 * reading:.0f} ms against {1000 * bare:.0f} ms: {spread} times",
        f"at most {WANTED} times",
    )


def _tower(folder: str) -> Callable[[], object]:
    import torch
    from transformers import AutoImageProcessor, LlavaForConditionalGeneration
    from transformers.image_utils import load_image
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    tower = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).model.vision_tower.eval()
    inputs = AutoImageProcessor.from_pretrained(folder)(load_image(str(PHOTO)), return_tensors="pt")
    pixels = inputs["pixel_values"]

    def forward() -> object:
        with torch.inference_mode():
            return tower(pixels, output_hidden_states=True)

    return forward


def _reader(folder: str, image: ImageFile) -> Callable[[], object]:
    from vlmtui.session import protocol as m
    from vlmtui.session.engine import Engine
    from vlmtui.session.request_control import RequestControl

    engine = Engine()
    control = RequestControl()
    engine.answer(m.Load(folder, device="cpu", dtype="float32"), control)

    def read() -> object:
        done = engine.answer(m.Read(image.source, image.data, image.sha256, MAX_PIXELS), control)
        assert isinstance(done, m.ReadDone)
        engine.answer(m.Forget(done.reading.id), control)
        return done

    return read


def _seconds(deed: Callable[[], object]) -> float:
    began = time.perf_counter()
    deed()
    return time.perf_counter() - began
