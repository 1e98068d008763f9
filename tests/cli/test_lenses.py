"""`vlmtui lenses` and the help of `--lens`: all that there is, from the registry and from packages."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.test_cli import vlmtui
from tests.session.lens_files import HEAD, SHARPNESS
from tests.session.third_party.test_lenses import offer
from vlmtui.cli import main
from vlmtui.lenses.registry import built_in_lenses, listed_lenses


def test_built_in_ones_need_no_session(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vlmtui.session.discovery.connect", None)
    assert main(["lenses"]) == 0
    out, err = capfd.readouterr()
    head, *rows = out.splitlines()
    assert head.split() == ["name", "subject", "kind", "from", "what", "it", "shows"]
    assert [row.split()[0] for row in rows] == list(built_in_lenses())
    assert "pca" in rows[1]
    assert rows[1].split()[1:4] == ["stage", "Colours", "vlmtui"]
    assert all(one.line in row for one, row in zip(built_in_lenses().values(), rows, strict=True))
    assert err == ""


def test_packages_and_files_are_described_by_a_session(tmp_path: Path) -> None:
    offer(
        tmp_path,
        "some-lenses",
        "sharpness = some_lenses:sharpness\nbroken = broken_lens:it\npca = some_lenses:sharpness",
        some_lenses=SHARPNESS,
        broken_lens="import nothere\n",
    )
    own = tmp_path / "own.py"
    own.write_text(
        f"from typing import Literal\n{HEAD}@lens(subject='image', name='own-one')\n"
        "def own(context: Context, *, way: Literal['in', 'out'], sizes: list[int] = [1]) -> Scores:\n    'Its own.'\n"
    )
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    done = vlmtui("lenses", "--lens", str(own), "--lens", str(tmp_path / "some_lenses.py:nosuch"), PYTHONPATH=path)
    rows = {line.split("  ")[0]: line for line in done.stdout.decode().splitlines()}
    assert rows["sharpness"].split()[1:5] == ["stage", "Scalars", "some-lenses", "1.2"]
    assert "cannot be used: broken_lens.py:3: the lens needs nothere" in rows["broken"]
    assert done.stdout.decode().count("\npca ") == 2
    assert "vlmtui has a built-in lens of this name" in done.stdout.decode()
    assert rows["own-one"].split()[1:4] == ["image", "Scores", str(own)]
    assert done.stdout.decode().endswith(
        "\n\noptions of own-one:\n  way  in or out, must be given\n  sizes  int, several, [1] without it\n"
    )
    said = done.stderr.decode()
    assert said == "vlmtui: some_lenses.py defines no lens 'nosuch': it has sharpness\n"
    assert done.returncode == 2


@pytest.mark.parametrize("words", [["report", "--help"], ["x.png", "--help"]])
def test_help_names_every_lens(words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    out = " ".join(capfd.readouterr().out.split())
    assert all(one.name in out.partition("--lens LENS")[2][:200] for one in listed_lenses())
    assert "--lens-option NAME=VALUE" in out
