"""The demo at 24 × 24 patches still finds the things of the labelled photographs."""

from __future__ import annotations

from pathlib import Path

from tests.enlarged_demo import SIDE, enlarge, things_found


def test_a_larger_grid_finds_as_much(tmp_path: Path) -> None:
    found, patches = things_found(enlarge(tmp_path / "demo"), SIDE)
    assert patches > 300
    assert found / patches >= 0.5
