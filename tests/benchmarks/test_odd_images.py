"""The attack on the reading of images, small: mutants of every format, and an attack that must notice what is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import odd_images


def test_every_mutant_is_decoded_or_refused_in_a_sentence(tmp_path: Path) -> None:
    counts = odd_images.attack(odd_images.mutants(tmp_path, 3))
    assert counts.lost == []
    assert counts.tried > 150
    assert min(counts.outcomes["decoded"], counts.outcomes["refused"]) > 40


def test_what_ends_a_worker_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"x")
    monkeypatch.setattr(odd_images, "_WORKER", "import os\nfor line in open(0):\n    os.abort()  # {pixels}")
    assert "lost" in odd_images.attack(iter([file, file])).sentence()
    assert len(odd_images.attack(iter([file, file])).lost) == 2
