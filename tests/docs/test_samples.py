"""Samples of output on pages: they are what the command beneath them prints."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import DOCS, ROOT

SEGMENT = re.compile(r"(\w+) (\d+)(?: of (\d+))? patches, rows? [\d–]+")
"""`house 13 of 15 patches, rows 8–11`; the total is left out where it is the same."""


def segments(text: str) -> dict[str, tuple[int, int]]:
    """Of each segment of a report's line `local`: its word, its patches, and all patches with the word."""
    line = re.search(r"^local   (.+(?:\n {8}.+)*)", text, re.MULTILINE)
    assert line
    found = SEGMENT.findall(" ".join(line[1].split()))
    return {word: (int(patches), int(total or patches)) for word, patches, total in found}


def test_the_segments_of_local_words_are_those_of_the_report(warm_session: None) -> None:
    page = (DOCS / "lenses" / "local-words.md").read_text("utf-8")
    said = segments(page)
    command = [sys.executable, "-m", "vlmtui", "report", str(ROOT / "sample_images" / "china.jpg")]
    found = segments(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert len(said) >= 4
    assert said.keys() <= found.keys()
    # float32 sums differ from machine to machine, and near ties with them
    assert all(abs(said[word][i] - found[word][i]) <= 2 for word in said for i in (0, 1))
    explained = re.search(r"`(\w+) (\d+) of (\d+) patches`: this segment has (\d+) of the (\d+) patches", page)
    assert explained
    assert explained.groups()[1:3] == explained.groups()[3:]
    assert said[explained[1]] == (int(explained[2]), int(explained[3]))


@pytest.mark.parametrize("page", ["models.md", "image-level.md"])
def test_the_example_of_texts_tells_the_images_apart(page: str, warm_session: None) -> None:
    (line,) = re.findall(
        r"^vlmtui match (sample_images/scene-.*) -m demo-siglip$", (DOCS / page).read_text("utf-8"), re.M
    )
    words = [part for word in shlex.split(line) for part in (sorted(map(str, ROOT.glob(word))) or [word])]
    command = [sys.executable, "-m", "vlmtui", "match", *words, "-m", "demo-siglip", "--format", "json"]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["images"]
    best = {Path(one["source"]).stem: one["softmax"].index(max(one["softmax"])) for one in found}
    assert len(set(best.values())) == 2, "each text suits an image"
    assert (best["scene-town"], best["scene-landscape"]) == (0, 1)
    assert all(max(one["softmax"]) > 0.9 for one in found)
