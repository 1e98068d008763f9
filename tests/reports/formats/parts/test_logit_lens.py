"""Reports of the language model's layers: `--stage llm.i`, of readings made by hand and of a tiny model."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.query.queries import query_of, with_options
from tests.reports import contract, made_reports
from vlmtui.cli import main
from vlmtui.errors import UsageError
from vlmtui.query.chosen_lens import ChosenLens
from vlmtui.query.patches import PatchPosition, entries_at
from vlmtui.reading import LayerNorms, TokenLayerWords, TokenWords
from vlmtui.reports.formats.registry import format_named
from vlmtui.reports.image_report import ImageReport

BY_LOGIT = "words there are ordered by their logits"
CHINA = str(Path(__file__).parents[4] / "sample_images" / "china.jpg")


def seen(stage: str = "llm.2", **changes: Any) -> ImageReport:
    """A report's input at a stage of three layers; one token of the second stands out by its norm."""
    reading = made_reports.reading(**changes)
    norms = np.random.default_rng(1).uniform(20, 30, (3, len(reading.places))).astype(np.float32)
    norms[1, 5] = 900
    model = msgspec.structs.replace(reading.model, llm_layers=3)
    reading = msgspec.structs.replace(reading, model=model)
    words: TokenWords = msgspec.structs.replace(made_reports.words(reading), metric="logit")
    entries = tuple(range(len(reading.places)))
    layers = LayerNorms(reading=reading.id, norms=norms, positions=len(entries) + 11)
    return ImageReport(query_of("tiny", metric="cosine"), reading, stage, entries, words, layers)


def test_json_has_the_stages_norms_and_words_by_logit() -> None:
    one = seen()
    report = json.loads("".join(format_named("json").write(iter([one]), one.query, False)))
    contract.REPORT(report, "report")
    assert report["query"] == {
        "metric": "logit",
        "k": 8,
        "stage": "llm.2",
        "candidates": 990,
        "left_out": 10,
        "hidden": 32,
        "prompt": "Describe the image.",
        "prompt_text": None,
        "template": "none",
        "length_ratio": None,
    }
    assert one.layers is not None
    assert [token["norm"] for token in report["tokens"]] == one.layers.norms[1].tolist()
    assert all(len(token["words"]) == 8 for token in report["tokens"])


def by_layer() -> ImageReport:
    one = seen("tokens")
    query = with_options(one.query, lens=ChosenLens("layers"), patches=(PatchPosition(None, 0, 1),))
    found = TokenLayerWords(
        token=1,
        ids=np.array([[2, 3], [3, 2], [3, 4]]),
        scores=np.array([[9.0, 8.0], [7.5, 7.0], [12.0, 1.0]]),
        pieces={2: "▁sea", 3: "▁sky", 4: "\x1b[31m"},
        texts={2: "sea", 3: "sky", 4: "\x1b[31m"},
        special=frozenset({4}),
        entropy=np.array([3.0, 2.0, 0.125]),
        settled=2,
        seconds=0.1,
    )
    return replace(one, query=query, entries=(1,), words=None, layer_words=(found,))


def test_the_words_of_every_layer_as_text_and_as_json() -> None:
    one = by_layer()
    text = "".join(format_named("text").write(iter([one]), one.query, False))
    assert "lens    layers: words with the largest logits after every layer" in text
    (second,) = [line.split() for line in text.split("\n") if line.startswith("  llm.2")]
    assert second == ["llm.2", "2.00", "stable", "sky", "7.500", "sea", "7.000"]
    assert text.count("stable") == 1
    assert "\x1b" not in text
    report = json.loads("".join(format_named("json").write(iter([one]), one.query, False)))
    assert report["query"]["lens"] == {"name": "layers"}
    (token,) = report["tokens"]
    assert token["layers"]["settled"] == "llm.2"
    assert [at["stage"] for at in token["layers"]["stages"]] == ["llm.1", "llm.2", "llm.3"]
    last = token["layers"]["stages"][2]
    assert last["entropy"] == 0.125
    assert [(word["id"], word["score"], word["special"]) for word in last["words"]] == [
        (3, 12.0, False),
        (4, 1.0, True),
    ]


@pytest.mark.parametrize(("fold", "expected"), [(None, "llm.2"), (True, "llm.2"), (False, "llm.3")])
def test_a_word_is_stable_in_any_spelling_and_in_json_by_id(fold: bool | None, expected: str) -> None:
    one = by_layer()
    (found,) = one.layer_words
    spelled = msgspec.structs.replace(
        found,
        ids=np.array([[2, 3], [5, 2], [3, 4]]),  # sea, Sky, " sky"
        pieces=found.pieces | {5: "Sky"},
        texts=found.texts | {5: "Sky"},
        settled=3,
    )
    search = replace(one.query.search, fold=fold)
    one = replace(one, query=replace(one.query, search=search), layer_words=(spelled,))
    text = "".join(format_named("text").write(iter([one]), one.query, False))
    assert [line.split()[0] for line in text.split("\n") if " stable " in line] == [expected]
    report = json.loads("".join(format_named("json").write(iter([one]), one.query, False)))
    assert report["tokens"][0]["layers"]["settled"] == "llm.3"


def test_the_words_of_every_layer_are_those_of_the_model(warm_session: None) -> None:
    """Beside the report of each of its layers."""

    def told(*words: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "vlmtui", "report", CHINA, "--patch", "3,4", "-k", "3", "--format", "json", *words],
            capture_output=True,
            check=True,
        )
        return json.loads(done.stdout)["tokens"][0]

    for layer in told("--lens", "layers")["layers"]["stages"][1:]:
        words = told("--stage", layer["stage"])["words"]
        assert [word["id"] for word in words] == [word["id"] for word in layer["words"]]
        assert [word["score"] for word in words] == pytest.approx([word["score"] for word in layer["words"]])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name some, such as --patch 3,4"),
        (["--patch", "3,4", "--stage", "vision.2"], "vision.2 comes before it"),
        (["--patch", "3,4", "--format", "csv"], "choose --format text, json, jsonl"),
    ],
)
def test_where_there_is_no_word_by_layer(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], warm_session: None
) -> None:
    assert main(["report", CHINA, "--lens", "layers", *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("name", ["out.svg", "out.json"])
def test_a_metric_is_not_dropped_in_silence(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], warm_session: None
) -> None:
    out = tmp_path / name
    assert main(["report", CHINA, "--patch", "3,4", "--stage", "llm.1", "--metric", "l2", "-o", str(out)]) == 0
    assert capsys.readouterr().err.splitlines()[-1].endswith("--metric l2 is not used at llm.1: " + BY_LOGIT)
    assert out.stat().st_size


def test_a_line_a_token() -> None:
    lines = "".join(format_named("jsonl").write(iter([seen("llm.3")]), query_of("tiny"), False)).splitlines()
    assert len(lines) == 12
    one = seen("llm.3")
    assert one.layers is not None
    assert [json.loads(line)["norm"] for line in lines] == one.layers.norms[2].tolist()


def test_text_says_where_it_stands() -> None:
    text = "".join(format_named("text").write(iter([seen()]), query_of("tiny"), False))
    assert all(len(line) <= 80 for line in text.splitlines())
    flat = " ".join(text.split())
    assert "stage llm.2: 12 tokens, vectors of 32 numbers in a prompt of 23 positions" in flat
    assert "words 8 with the largest logits of 990 word-pieces, 10 left out" in flat
    assert "prompt Describe the image." in flat
    assert "norms L2, vision.0 to vision.2, llm.1 to llm.3; ! marks an outlier" in flat
    assert "nearest" not in flat
    assert "of the vocabulary" not in flat
    # the head, every token's norms through the layers, and the outlier of the second in its own list
    (head, *rows) = [line.split() for line in text.splitlines() if line.startswith("  llm ")]
    assert head == ["llm", ".1", ".2", ".3"]
    assert [len(row) for row in rows] == [4] * 12
    (marked,) = [line for line in text.splitlines() if line.startswith("  llm ") and "!" in line]
    assert "900.0!" in marked
    (outliers,) = [line for line in text.splitlines() if line.startswith("  llm.2 ")]
    assert "1,1 900.0" in outliers


def test_a_patch_is_a_token() -> None:
    one = seen()
    assert entries_at(one.reading, "llm.1", PatchPosition(None, 1, 2)) == (6,)
    bare = replace(one.reading.grids[0], rows=0, cols=0)
    queries = msgspec.structs.replace(one.reading, grids=(bare,), placeless="queries read all patches")
    with pytest.raises(UsageError, match="no token at 0,0: grid 0 has vision patches only: queries read all patches"):
        entries_at(queries, "llm.1", PatchPosition(None, 0, 0))


def vlmtui(*words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "vlmtui", "report", CHINA, *words], capture_output=True)


def test_a_report_against_the_model_run_by_transformers(clip_folder: Path, warm_session: None) -> None:
    """Its own logits at the last layer, its own hidden states' norms at the one before."""
    import torch
    from PIL import Image
    from transformers import AutoProcessor, LlavaForConditionalGeneration

    model = LlavaForConditionalGeneration.from_pretrained(clip_folder).eval()
    processor = AutoProcessor.from_pretrained(clip_folder, use_fast=False)
    content = [{"type": "image"}, {"type": "text", "text": "What is it?"}]
    text = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    inputs = processor(images=Image.open(CHINA).convert("RGB"), text=text, return_tensors="pt")
    with torch.no_grad():
        said = model(**inputs, output_hidden_states=True)
    there = inputs["input_ids"][0] == model.config.image_token_id
    best = said.logits[0, there].topk(3, dim=-1)
    norms = said.hidden_states[1][0, there].norm(dim=-1)

    same = ("-m", str(clip_folder), "--prompt", "What is it?", "--format", "json", "-k", "3", "--all-tokens", "--quiet")
    first, last = (vlmtui(*same, "--stage", stage) for stage in ("llm.1", "llm.2"))
    assert first.stderr == last.stderr == b""
    report = json.loads(last.stdout)
    contract.REPORT(report, "report")
    query = report["query"]
    assert (query["metric"], query["stage"], query["hidden"], query["left_out"]) == ("logit", "llm.2", 48, 0)
    assert query["prompt"] == "What is it?"
    assert (query["prompt_text"], query["template"]) == (text, "chat")
    scores = [[word["score"] for word in token["words"]] for token in report["tokens"]]
    np.testing.assert_allclose(scores, best.values.double().numpy(), rtol=1e-4, atol=1e-5)
    found = [token["norm"] for token in json.loads(first.stdout)["tokens"]]
    np.testing.assert_allclose(found, norms.double().numpy(), rtol=1e-4)


def test_a_template_that_is_not_used_is_told_where_it_matters(
    clip_folder: Path, tmp_path: Path, warm_session: None
) -> None:
    folder = shutil.copytree(clip_folder, tmp_path / "model")
    (folder / "chat_template.jinja").write_text("{{ raise_exception('text only') }}")
    problem = "its chat template fails: TemplateError: text only"
    told = f"{CHINA}: {problem}: the prompt is the image and the sentence alone instead"
    for stage, expected in (("tokens", ""), ("llm.1", told)):
        done = vlmtui("-m", str(folder), "--stage", stage, "--format", "json", "-k", "1")
        assert done.returncode == 0, done.stderr
        query = json.loads(done.stdout)["query"]
        assert (query["prompt_text"], query["template"]) == ("<image>\nDescribe the image.", "none")
        lines = [line for line in done.stderr.decode().splitlines() if "chat template" in line]
        assert lines == ([f"vlmtui: {expected}"] if expected else [])


def test_a_layer_that_is_not_there(clip_folder: Path, warm_session: None) -> None:
    done = vlmtui("-m", str(clip_folder), "--stage", "llm.99", "--quiet")
    assert done.returncode == 2
    assert done.stdout == b""
    (line,) = done.stderr.decode().splitlines()
    assert "no stage 'llm.99'" in line
    assert line.endswith("choose vision.0 … vision.4, tokens, llm.1 … llm.2")
