"""`vlmtui verify` as a person runs it: the table, its JSON, and the exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hub import serving
from tests.models.loading.test_hub import environment
from vlmtui.errors import UsageError
from vlmtui.query.options import LoadOptions
from vlmtui.reading import ModelInfo
from vlmtui.reports.commands.verify import run_verify, verification_table
from vlmtui.session import protocol as m
from vlmtui.session.discovery import SessionLocation


def run(*words: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "vlmtui", "verify", *words], capture_output=True, text=True, **options)


def rows(text: str) -> dict[str, tuple[str, str]]:
    """Name to result and figure: columns are two spaces apart or more."""
    lines = [line.split("  ") for line in text.splitlines()]
    parts = [[part.strip() for part in line if part.strip()] for line in lines]
    assert parts[0] == ["CHECK", "RESULT", "FIGURE"]
    return {name: (result, figure) for name, result, figure in parts[1:]}


def test_the_demo_model_passes():
    done = run("demo", "--device", "cpu")
    assert (done.returncode, done.stderr) == (0, "")
    assert {result for result, _ in rows(done.stdout).values()} == {"pass"}
    assert len(rows(done.stdout)) == 8


def test_a_processor_that_belongs_to_another_model(clip_folder, siglip_folder):
    done = run(str(clip_folder), "--processor", str(siglip_folder), "--device", "cpu")
    assert done.returncode == 1
    assert rows(done.stdout)["image tokens"][0] == "FAIL"
    assert rows(done.stdout)["weights in part"][0] == "pass"
    assert done.stderr.count("\n") == 1
    assert "fails 1 of 8 checks (image tokens)" in done.stderr


def test_as_json(clip_folder):
    done = run(str(clip_folder), "--device", "cpu", "--dtype", "bfloat16", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert list(found) == ["schema", "model", "checks"]
    assert found["schema"] == "vlmtui/verify/1"
    assert found["model"]["dtype"] == "bfloat16"
    assert [list(check) for check in found["checks"]] == [["name", "result", "figure"]] * 8


def test_what_cannot_be_loaded_is_one_sentence(tmp_path: Path):
    (tmp_path / "config.json").write_text("{}")
    done = run(str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("vlmtui: the config.json of")
    assert run("demo", "--dtype", "int8").returncode == 2


def test_layers_that_are_not_on_this_disk(clip_folder, tmp_path: Path):
    with serving({"org/tiny": clip_folder}) as hub:
        env = environment(tmp_path, hub.endpoint)
        part = run("org/tiny", "--device", "cpu", env=env)
        whole = run("org/tiny", "--device", "cpu", "--whole", env=env)
    assert (part.returncode, part.stderr) == (0, "")
    missing = {name for name, (_, figure) in rows(part.stdout).items() if "add --whole to fetch them" in figure}
    assert missing == {"image tokens", "logits", "weights in part", "words in part"}
    assert {result for result, _ in rows(part.stdout).values()} == {"pass", "unchecked"}
    assert (whole.returncode, whole.stderr) == (0, "")
    assert {result for result, _ in rows(whole.stdout).values()} == {"pass"}


def test_the_table():
    info = ModelInfo(
        name="tiny", family="llava", revision=None, dtype="float32", device="cpu", processor=None, parts="",
        vision_layers=1, llm_layers=1, feeds=None, embeddings=None, vision_hidden=1,
    )  # fmt: skip
    checks = (m.Check("norms", "fail", "a\x1b[31mb"), m.Check("words in part", "unchecked", "no memory"))
    assert list(verification_table(m.Verified(info, checks, 1.0))) == [
        "CHECK          RESULT     FIGURE\n",
        "norms          FAIL       aU+001B[31mb\n",
        "words in part  unchecked  no memory\n",
    ]


def test_an_unknown_format_starts_nothing():
    with pytest.raises(UsageError, match="choose text, json"):
        run_verify(LoadOptions("demo", where=SessionLocation(warm=False)), False, "csv", quiet=True)
