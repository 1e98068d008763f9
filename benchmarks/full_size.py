"""Session on random weights of full size: CLIP-L/14 at 336 pixels and 32,064 × 4,096 embeddings.

The LLM has one layer on disk, which is not read: exploring does not load it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import random_llava
from benchmarks.startup import PHOTO, peak
from vlmtui.display.numbers import format_duration
from vlmtui.images.image_file import read_source
from vlmtui.metrics import METRICS
from vlmtui.session.client import SessionClient


def rows() -> Iterator[tuple[str, str, str]]:
    """One session: load, read an image, search the words of all 576 tokens with every metric."""
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder))
        client = SessionClient.start()
        try:
            began = time.monotonic()
            model = client.load(folder).result()
            what = f"CLIP-L/14-336 and 32,064 × 4,096 embeddings on {model.device} in {model.dtype}"
            yield f"{what}: load, torch's import included", format_duration(time.monotonic() - began), ""
            image = read_source(str(PHOTO))
            client.read(image).result()
            began = time.monotonic()
            reading = client.read(image).result()
            yield f"read an image ({len(reading.places)} tokens)", format_duration(time.monotonic() - began), ""
            for metric in METRICS:
                began = time.monotonic()
                client.words(reading.id, metric, 8, all_tokens=True).result()
                yield f"8 words of every token, {metric}", format_duration(time.monotonic() - began), ""
            began = time.monotonic()
            client.words(reading.id, "l2", 8, tokens=(100,), all_tokens=True).result()
            yield "8 words of one token, l2", format_duration(time.monotonic() - began), ""
            assert client.pid is not None
            yield "peak memory of the session", f"{peak(client.pid) / 1e9:.2f} GB", ""
        finally:
            client.close()


def build(folder: Path) -> None:
    """Write the checkpoint: random bfloat16 weights of LLaVA-1.5-7B's sizes, but one LLM layer."""
    from transformers import CLIPVisionConfig
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    tower = CLIPVisionConfig(
        hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, image_size=336,
        patch_size=14,
    )  # fmt: skip
    processor = CLIPImageProcessorPil(size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336})
    text = {"vocab_size": 32064, "hidden_size": 4096, "intermediate_size": 11008}
    random_llava.write(folder, tower, text, processor, class_token=True, dtype="bfloat16")
