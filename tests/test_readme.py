"""The README: its length, its table of lenses, and the figures of its finding. Its examples run in `tests/docs`."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import vlmtui
from tests.docs.blocks import check_block, markdown_table
from vlmtui.lenses.registry import built_in_lenses

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
NEAREST = {"demo": "roof", "demo-captioned": "<0xA5>"}
"""Of the patch under the cursor."""


def test_it_is_short() -> None:
    lines = README.read_text("utf-8").splitlines()
    assert len(lines) <= 200
    assert [line for line in lines if len(line) > 120 and not line.startswith(("|", "![", "python3.11 "))] == []


def test_it_lists_the_lenses() -> None:
    rows = [
        (f"[`{one.name}`](docs/lenses/{one.name}.md)", one.subject, one.line.removesuffix("."))
        for one in built_in_lenses().values()
    ]
    check_block(README, "lenses", markdown_table(("lens", "of", "what it shows"), rows))


@pytest.mark.parametrize(("name", "nearest"), NEAREST.items())
def test_the_finding_is_what_the_demo_models_give(name: str, nearest: str, warm_session: None) -> None:
    with vlmtui.open_session(name, device="cpu") as session:
        reading = session.read(str(ROOT / "sample_images" / "china.jpg"))
        words = [reading.words(row, col, k=1)[0] for row in range(14) for col in range(14)]
        lengths = reading.norms("tokens")
        vocabulary = session.vocabulary()
    text = " ".join(README.read_text("utf-8").split("**A finding.**")[1].split("## Install")[0].split())
    counts = Counter(word.text for word in words)
    if name == "demo":
        said = re.search(r"`sky` at (\d+) of (\d+) tokens, `cloud` at (\d+), `mountain` at (\d+)", text)
        assert said is not None
        found = counts["sky"], len(words), counts["cloud"], counts["mountain"]
        # float32 sums differ from machine to machine, and near ties with them
        assert np.abs(np.array([int(number) for number in said.groups()]) - found).max() <= 2
    else:
        assert all(counts[word] >= 15 for word in re.findall(r"the image to `(\w+)`, `(\w+)` and `(\w+)`", text)[0])
    assert nearest in (words[3 * 14 + 4].piece, words[3 * 14 + 4].text)
    ratios = re.search(r"(\d+) times as long as its word vectors, `demo`'s (\d+) times", text)
    assert ratios is not None
    ratio = np.median(lengths) / np.median(vocabulary.norms[vocabulary.of("word")])
    assert round(float(ratio)) == int(ratios[2 if name == "demo" else 1])
