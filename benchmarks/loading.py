"""Bytes downloaded, time and memory to load a fake LLaVA of 2 GB in 8 shards: for exploring against all of it."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.hub import serving
from vlmtui.display.numbers import format_bytes, format_duration

RUNS = 3
_NAME = "org/fake"
_FETCH = """
import sys, time
from vlmtui.catalogue import ModelSource
from vlmtui.models.loading.model_folder import find_checkpoint
began = time.monotonic()
find_checkpoint(ModelSource(sys.argv[1], None, sys.argv[1]), None, lambda *note: None)
print(time.monotonic() - began)
"""
# the peak is counted above the memory that imports take
_LOAD = """
import json, sys, time
from pathlib import Path
from vlmtui.catalogue import ModelSource
from vlmtui.models.loading.loader import load_model
from vlmtui.models.loading.model_folder import find_checkpoint
def memory(what):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(what))
Path("/proc/self/clear_refs").write_text("5")
before, began = memory("VmRSS:"), time.monotonic()
checkpoint = find_checkpoint(ModelSource("fake", Path(sys.argv[1]), None), None, lambda *note: None)
layers = json.loads(sys.argv[2])
model = load_model(checkpoint, lambda *note: None, device="cpu", dtype="float32", decoder_layers=layers)
print(json.dumps([time.monotonic() - began, memory("VmHWM:") - before]))
"""


def rows() -> Iterator[tuple[str, str, str]]:
    """Download it, then load part of it and all of it in turns, each in a process of its own; medians."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "fake"
        needed, whole = build(folder)
        shards = len(list(folder.glob("*.safetensors")))
        what = f"fake LLaVA, bfloat16, {format_bytes(whole)} in {shards} shards"
        with serving({_NAME: folder}) as hub:
            own = {"HF_HOME": f"{temporary}/hf", "VLMTUI_CACHE": f"{temporary}/own", "HF_ENDPOINT": hub.endpoint}
            env = {**os.environ, **own, "HF_HUB_DISABLE_XET": "1"}
            env.pop("HF_HUB_OFFLINE", None)
            seconds = float(_run(_FETCH, _NAME, env=env))
            share = f"{format_bytes(hub.weights)} of {format_bytes(needed)} needed: {hub.weights / needed:.4f}"
            yield f"{what}: bytes downloaded for exploring", f"{share}, in {len(hub.spans)} requests", "at most 1.05"
            yield "download over loopback, server and client on these cores", format_duration(seconds), ""
        part, full = [], []
        for _ in range(RUNS):
            part.append(json.loads(_run(_LOAD, str(folder), "0")))
            full.append(json.loads(_run(_LOAD, str(folder), "null")))
        times = [statistics.median(run[0] for run in runs) for runs in (part, full)]
        peaks = [statistics.median(run[1] for run in runs) for runs in (part, full)]
        yield (
            "load from disk in float32: for exploring against whole",
            f"{format_duration(times[0])} against {format_duration(times[1])}: {times[1] / times[0]:.1f} times faster",
            "at least 5",
        )
        yield (
            "peak memory of that, above the imports",
            f"{format_bytes(int(peaks[0]))} against {format_bytes(int(peaks[1]))}: "
            f"{peaks[1] / peaks[0]:.1f} times less; {peaks[0] / (2 * needed):.2f} times what it needs in float32",
            "at least 4",
        )


def _run(code: str, *words: str, env: dict[str, str] | None = None) -> str:
    done = subprocess.run([sys.executable, "-c", code, *words], env=env, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout.splitlines()[-1]


def build(folder: Path) -> tuple[int, int]:
    """Write the checkpoint; returns the bytes that exploring needs, and the bytes of all weights."""
    import torch
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    from tests.tiny_checkpoints import IMAGE_TOKEN, tiny_tokenizer

    tokenizer = tiny_tokenizer()
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, patch_size=16
        ),
        text_config=LlamaConfig(vocab_size=32000, hidden_size=2048, intermediate_size=5504, num_hidden_layers=16),
        image_token_index=tokenizer.convert_tokens_to_ids(IMAGE_TOKEN),
        image_seq_length=196,
    )
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    try:
        model = LlavaForConditionalGeneration(config)
        model.save_pretrained(folder, max_shard_size="280MB")
    finally:
        torch.set_default_dtype(torch.float32)
    sizes = {name: value.numel() * value.itemsize for name, value in model.state_dict().items()}
    LlavaProcessor(
        image_processor=CLIPImageProcessorPil(size={"shortest_edge": 224}, crop_size={"height": 224, "width": 224}),
        tokenizer=tokenizer,
        patch_size=16,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    ).save_pretrained(folder)
    whole = sum(sizes.values())
    decoding = (".language_model.layers.", ".language_model.norm.", "lm_head.")
    return whole - sum(size for name, size in sizes.items() if any(part in name for part in decoding)), whole
