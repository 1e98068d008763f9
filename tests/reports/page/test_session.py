"""The page of a real reading, 576 tokens: the numbers of the JSON report, small, and the same by every way there is."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import vlmtui
from tests.reports.page.contents import Parsed, said, unpacked
from tests.tiny_checkpoints import build_llava
from vlmtui.display.numbers import part_of, percent
from vlmtui.errors import UsageError
from vlmtui.reports.formats.registry import ENDINGS
from vlmtui.reports.page.content import METRICS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny LLaVA of 24 × 24 tokens, and a picture of noise, which nothing can make small."""
    folder = build_llava(tmp_path_factory.mktemp("models") / "tiny-576", "clip", image_size=336)
    rgb = np.random.default_rng(0).integers(0, 256, (1000, 1500, 3), dtype=np.uint8)
    Image.fromarray(rgb).save(folder / "noise.png")
    return folder


@pytest.fixture(scope="module")
def picture(folder: Path, module_warm_session: None) -> Iterator[vlmtui.ImageReading]:
    with vlmtui.open_session(str(folder), device="cpu") as session:
        yield session.read(folder / "noise.png")


def test_the_numbers_of_the_json_report_in_a_small_file(picture: vlmtui.ImageReading, tmp_path: Path) -> None:
    picture.save(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text("utf-8")
    assert len(text.encode()) < 3_000_000
    data = Parsed(text).data
    spelled = 0
    for metric in METRICS:
        folds = not metric.startswith("omp")
        picture.save(tmp_path / "report.json", metric=metric, k=32 if folds else 8)
        report = json.loads((tmp_path / "report.json").read_text("utf-8"))
        assert len(report["tokens"]) == 576
        for token in report["tokens"]:
            lines = by_word(token["words"])[:8] if folds else [[word] for word in token["words"]]
            assert said(data, "tokens", metric, token["index"]) == [(line[0]["id"], line[0]["score"]) for line in lines]
            spelled += sum(len(line) > 1 for line in lines)
    assert spelled  # in the lists of a real tokenizer a word is spelled with and without a space
    assert unpacked(data["charts"]["tokens"]["norms"], "<f4").tolist() == [token["norm"] for token in report["tokens"]]
    boxes = unpacked(data["entries"]["tokens"]["boxes"], "<f8").reshape(-1, 4)
    assert boxes.tolist() == [token["box"] for token in report["tokens"]]
    norms = unpacked(data["charts"]["patches"]["norms"], "<f4").reshape(5, 576)
    assert norms.tolist() == report["grids"][0]["norms"]


def by_word(words: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The words of a list by what they are without case and leading space, in the order of their best spellings."""
    lines: dict[str, list[dict[str, Any]]] = {}
    for word in words:
        piece = word["piece"]
        text = piece.removeprefix("▁") if piece.strip("▁") else piece
        lines.setdefault(piece if piece.startswith("<") else text.lower(), []).append(word)
    return list(lines.values())


def test_the_percentile_of_noise_is_in_text_and_page_and_in_no_json(
    picture: vlmtui.ImageReading, tmp_path: Path
) -> None:
    noise = picture.null().shuffled
    assert noise is not None
    picture.save(tmp_path / "report.json", k=1)
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert not any("null" in token for token in report["tokens"])
    scores = np.array([token["words"][0]["score"] for token in report["tokens"]])
    below = 100 * np.array([(noise.scores < score).mean() for score in scores])
    picture.save(tmp_path / "report.txt", k=1)
    text = (tmp_path / "report.txt").read_text("utf-8")
    assert re.findall(r"top-1 beats (.+ noise)\n", text) == [part_of(one, "noise") for one in below]
    assert f"noise   {percent(100 * float((below >= 95).mean()))} of tokens beat 95% of noise (by chance: 5%); " in text
    assert "margin beats" not in text
    data = Parsed(picture.to_html(metrics=["cosine"], k=1)).data
    # the page says the same of noise and of local words
    facts = {label: " ".join(said.split()) for label, said in data["facts"]}
    head = " ".join(text.split("\n\nmodel")[0].split())
    assert head.endswith(f"local {facts['local words']}")
    assert f"noise {facts['noise']} " in " ".join(text.split())
    (tokens,) = [stage for stage in data["stages"] if stage["words"]]
    packed = unpacked(tokens["words"]["cosine"]["noise"]["percentiles"], "<f4")
    np.testing.assert_allclose(packed, below, rtol=1e-6)
    floor = tokens["words"]["cosine"]["noise"]["floor"]
    assert ((scores > floor) == (below >= 95)).all()


def test_the_command_gives_the_same_bytes(picture: vlmtui.ImageReading, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    command = [
        sys.executable,
        "-m",
        "vlmtui",
        "report",
        str(folder / "noise.png"),
        "-m",
        str(folder),
        "--device",
        "cpu",
    ]
    subprocess.run([*command, "--no-warm", "--stages", "all", "-o", str(file)], env=os.environ, check=True)
    assert file.read_text("utf-8") == picture.to_html(stages=["all"])
    data = Parsed(file.read_text("utf-8")).data
    stages = {stage["name"]: [*stage["words"]] for stage in data["stages"]}
    assert stages["tokens"] == [*METRICS]
    assert stages["llm.2"] == ["logit"]
    assert stages["vision.4"] == []


def test_a_notebook_shows_it_in_a_frame_of_its_own(picture: vlmtui.ImageReading) -> None:
    frame = r'<iframe srcdoc="([^"<>]*)" sandbox="allow-scripts allow-modals" [^<>]*></iframe>'
    found = re.fullmatch(frame, picture._repr_html_())
    assert found
    assert html.unescape(found[1]) == picture.to_html()


def test_a_reading_saves_itself_in_every_format(picture: vlmtui.ImageReading, tmp_path: Path) -> None:
    for ending in ENDINGS:
        picture.save(tmp_path / f"report{ending}", metric="cosine", k=2)
    text = (tmp_path / "report.txt").read_text("utf-8")
    assert "2 nearest by cosine" in text
    assert ("× their number" in text) == bool(re.search(r" ×\d", text))
    for name, kind in (("report.png", "PNG"), ("report.gif", "GIF")):
        with Image.open(tmp_path / name) as image:
            assert image.format == kind
    assert len((tmp_path / "report.jsonl").read_text("utf-8").splitlines()) == 576


def test_a_file_that_does_not_say_its_format(picture: vlmtui.ImageReading, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="end it in"):
        picture.save(tmp_path / "page.doc")
    assert not [*tmp_path.iterdir()]
