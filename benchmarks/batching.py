"""Many images read in batches against one by one, in the same session, in turns.

One by one is what a report of a single image does: read it, then search the words of all its tokens; the next image
begins when these have come. In batches, two batches are on their way at a time.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from statistics import median

from PIL import Image

from benchmarks import random_llava
from benchmarks.startup import PHOTO, peak
from vlmtui.display.numbers import format_bytes, format_duration
from vlmtui.images.image_file import ImageFile
from vlmtui.session.client import SessionClient
from vlmtui.session.protocol import Outcome

IMAGES = 100
BATCH = 32
ROUNDS = 3
K = 8


def rows() -> Iterator[tuple[str, str, str]]:
    """The demo model, and random weights with a tower of SigLIP's size and a vocabulary of 32,000 words."""
    yield from _model("demo", "the demo model", IMAGES)
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder))
        yield from _model(folder, "SigLIP-B/16-224 and 32,000 × 2,048 embeddings", IMAGES // 4)


def _model(model: str, name: str, count: int) -> Iterator[tuple[str, str, str]]:
    images = photos(count)
    client = SessionClient.start()
    try:
        info = client.load(model).result()
        session = client.pid
        assert session is not None
        _one_by_one(client, images[:2])
        _batched(client, images[:2])
        alone, together, peaks = [], [], []
        for _ in range(ROUNDS):
            alone.append(_one_by_one(client, images))
            peaks.append(peak(session))
            together.append(_batched(client, images))
        ratio = median(slow / quick for slow, quick in zip(alone, together, strict=True))
        yield (
            f"{count} photos of 640×480 and 480×640, {K} words of every token, {name} on {info.device} in {info.dtype}:"
            " together against one by one",
            f"{format_duration(median(together))} against {format_duration(median(alone))}: {ratio:.1f} times faster, "
            f"{count / median(together):.1f} against {count / median(alone):.1f} images a second",
            "",
        )
        yield (
            "peak memory of that session: together against one by one",
            f"{format_bytes(peak(session))} against {format_bytes(peaks[0])}",
            "",
        )
    finally:
        client.close()


def _one_by_one(client: SessionClient, images: Sequence[ImageFile]) -> float:
    began = time.perf_counter()
    for image in images:
        client.words(client.read(image).result().id, "l2", K, all_tokens=True).result()
    return time.perf_counter() - began


def _batched(client: SessionClient, images: Sequence[ImageFile]) -> float:
    began = time.perf_counter()
    waiting: deque[Future[tuple[Outcome, ...]]] = deque()
    for start in range(0, len(images), BATCH):
        if len(waiting) == 2:
            _check(waiting.popleft().result())
        waiting.append(client.read_many(images[start : start + BATCH], "tokens", "l2", K, all_tokens=True))
    for last in waiting:
        _check(last.result())
    return time.perf_counter() - began


def _check(outcomes: Sequence[Outcome]) -> None:
    """Raise RuntimeError where an image of a batch could not be read."""
    if any(one.error for one in outcomes):
        raise RuntimeError(next(one.message for one in outcomes if one.error))


def photos(count: int) -> list[ImageFile]:
    """Cut JPEGs of 640×480 and 480×640 pixels from the photo, each a different part of it."""
    with Image.open(PHOTO) as photo:
        whole = photo.convert("RGB")
    found = []
    for index in range(count):
        part = whole.crop((index, index, whole.width - index, whole.height - index))
        file = io.BytesIO()
        part.resize((480, 640) if index % 3 == 0 else (640, 480)).save(file, "JPEG", quality=90)
        data = file.getvalue()
        found.append(ImageFile(f"{index}.jpg", data, hashlib.sha256(data).hexdigest()))
    return found


def build(folder: Path) -> None:
    """Write the checkpoint: random float32 weights with one small LLM layer."""
    from transformers import SiglipVisionConfig
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    tower = SiglipVisionConfig(
        hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, image_size=224,
        patch_size=16,
    )  # fmt: skip
    processor = SiglipImageProcessorPil(size={"height": 224, "width": 224})
    text = {"vocab_size": 32000, "hidden_size": 2048, "intermediate_size": 2048}
    random_llava.write(folder, tower, text, processor, class_token=False, dtype="float32")
