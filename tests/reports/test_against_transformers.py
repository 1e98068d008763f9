"""What the command prints against the model run by transformers itself and NumPy in float64."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.families import build
from tests.reports import contract

pytestmark = pytest.mark.usefixtures("warm_session")
CHINA = str(Path(__file__).parents[2] / "sample_images" / "china.jpg")


def reported(folder: Path, *options: str) -> tuple[bytes, Any]:
    """What `vlmtui china.jpg --format json` prints, and what it says."""
    command = [sys.executable, "-m", "vlmtui", CHINA, "-m", str(folder), "--format", "json", *options]
    done = subprocess.run(command, capture_output=True, env=os.environ)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    return done.stdout, json.loads(done.stdout)


class Expected:
    """The same picture through the whole model: what the first decoder layer receives, hidden states, vocabulary."""

    def __init__(self, folder: Path) -> None:
        import torch
        from PIL import Image
        from transformers import AutoProcessor, LlavaForConditionalGeneration

        model = LlavaForConditionalGeneration.from_pretrained(folder).eval()
        processor = AutoProcessor.from_pretrained(folder, use_fast=False)
        self.tokenizer = processor.tokenizer
        inputs = processor(images=Image.open(CHINA).convert("RGB"), text="<image>", return_tensors="pt")
        received = []
        layer = model.model.language_model.layers[0]
        hook = layer.register_forward_pre_hook(
            lambda module, args, kwargs: received.append(args[0] if args else kwargs["hidden_states"]), with_kwargs=True
        )
        with torch.no_grad():
            model(**inputs)
            states = model.model.vision_tower(inputs["pixel_values"], output_hidden_states=True).hidden_states
        hook.remove()
        at_image = inputs["input_ids"][0] == model.config.image_token_id
        self.tokens = received[0][0][at_image].double().numpy()
        self.states = np.stack([state[0].double().numpy() for state in states])
        self.vocabulary = model.get_input_embeddings().weight.detach().double().numpy()

    def candidates(self) -> np.ndarray:
        """Rows that the tokenizer can name and that are not special."""
        added = {i for i, token in self.tokenizer.added_tokens_decoder.items() if token.special}
        special = added | set(self.tokenizer.all_special_ids)
        named = set(self.tokenizer.get_vocab().values())
        return np.array(sorted(i for i in named - special if i < len(self.vocabulary)))

    def scores(self, metric: str) -> np.ndarray:
        """Every token against every row."""
        x, e = self.tokens, self.vocabulary
        if metric == "dot":
            return np.asarray(x @ e.T)
        if metric == "cosine":
            long = np.linalg.norm(x, axis=1)[:, None] * np.linalg.norm(e, axis=1)[None, :]
            return np.asarray(np.divide(x @ e.T, long, out=np.zeros_like(long), where=long > 0))
        return np.asarray(-np.linalg.norm(x[:, None, :] - e[None, :, :], axis=2))

    def check(self, report: Any, metric: str, k: int, rows: np.ndarray) -> None:
        scores = self.scores(metric)
        assert len(report["tokens"]) == len(self.tokens)
        for token, expected in zip(report["tokens"], scores, strict=True):
            order = sorted(rows.tolist(), key=lambda i: (-expected[i], i))[:k]
            ids = [word["id"] for word in token["words"]]
            # where scores are ties within 1e-6 the lower id comes first: compare ids only where they are not
            np.testing.assert_allclose([w["score"] for w in token["words"]], expected[ids], rtol=2e-5, atol=2e-6)
            np.testing.assert_allclose(expected[ids], expected[order], rtol=1e-5, atol=1e-6)
            assert len(set(ids)) == len(ids)
            for word in token["words"]:
                assert word["piece"] == self.tokenizer.convert_ids_to_tokens(word["id"])
        norms = np.linalg.norm(self.tokens, axis=1)
        np.testing.assert_allclose([token["norm"] for token in report["tokens"]], norms, rtol=2e-5)


@pytest.fixture(scope="module")
def clip(clip_folder: Path) -> Expected:
    return Expected(clip_folder)


@pytest.fixture(scope="module")
def siglip(siglip_folder: Path) -> Expected:
    return Expected(siglip_folder)


def test_clip_under_l2(clip: Expected, clip_folder: Path) -> None:
    data, report = reported(clip_folder, "-k", "5", "--metric", "l2")
    contract.REPORT(report, "report")
    rows = clip.candidates()
    assert report["query"]["candidates"] == len(rows)
    assert report["query"]["candidates"] + report["query"]["left_out"] == len(clip.vocabulary)
    clip.check(report, "l2", 5, rows)
    (grid,) = report["grids"]
    states = np.linalg.norm(clip.states, axis=2)
    np.testing.assert_allclose(grid["norms"], states[:, 1:], rtol=2e-5)
    np.testing.assert_allclose(grid["prefix_norms"], states[:, :1], rtol=2e-5)
    assert (report["image"]["width"], report["image"]["height"]) == (640, 427)
    if jq := shutil.which("jq"):
        counted = subprocess.run([jq, "-e", ".tokens | length"], input=data, capture_output=True, check=True)
        assert counted.stdout == b"25\n"


def test_siglip_under_cosine_with_every_row(siglip: Expected, siglip_folder: Path) -> None:
    _, report = reported(siglip_folder, "--metric", "cosine", "--all-tokens", "-k", "6")
    contract.REPORT(report, "report")
    assert report["query"]["left_out"] == 0
    siglip.check(report, "cosine", 6, np.arange(len(siglip.vocabulary)))
    (grid,) = report["grids"]
    np.testing.assert_allclose(grid["norms"], np.linalg.norm(siglip.states, axis=2), rtol=2e-5)
    assert grid["prefix_norms"] == [[]] * 5


def test_siglip_under_dot_the_same_twice(siglip: Expected, siglip_folder: Path) -> None:
    first, report = reported(siglip_folder, "--metric", "dot")
    second, _ = reported(siglip_folder, "--metric", "dot", "--quiet", "--no-warm")
    assert first == second
    siglip.check(report, "dot", 8, siglip.candidates())


def test_a_decoder_that_turns_tokens_by_row_and_column(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    folder = build("qwen2_vl", tmp_path / "qwen2_vl")
    _, report = reported(folder)
    contract.REPORT(report, "report")
    (grid,) = report["grids"]
    assert grid["rows"] < grid["cols"]
    before, _, _ = report["query"]["prompt_text"].partition("<|image_pad|>")
    first = len(AutoTokenizer.from_pretrained(folder)(before)["input_ids"])
    for token in report["tokens"]:
        assert token["position_ids"] == [first, first + token["row"], first + token["col"]]
