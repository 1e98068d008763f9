"""Folders of the user's own lenses: which files are lenses, which of them a name means, and what is done with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.session.lens_files import HEAD, SHARPNESS
from vlmtui.cli import main
from vlmtui.errors import UsageError
from vlmtui.lenses.lens_folders import find_in_folders, lenses_in_folders
from vlmtui.query.chosen_lens import parse_lens

CHINA = str(Path(__file__).parents[2] / "sample_images" / "china.jpg")


@pytest.fixture
def folders(tmp_path: Path) -> tuple[str, str]:
    """Two folders with lenses, and with what is none."""
    one, two = tmp_path / "one", tmp_path / "two"
    for name, text in {
        "one/sharpness.py": HEAD + SHARPNESS,
        "one/broken.py": "import nothere\n",
        "one/_hidden.py": "",
        "one/.secret.py": "",
        "one/notes.txt": "",
        "one/empty/data.py": "",
        "two/many_lenses.py": f"{HEAD}@lens\ndef first(context: Context) -> Facts:\n    'One.'\n"
        "@lens\ndef second(context: Context) -> Facts:\n    'Two.'\n",
        "two/sharpness.py": "",
        "two/pca.py": "",
        "two/of_files/__init__.py": HEAD + SHARPNESS,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return str(one), str(two)


def test_lenses_by_name(folders: tuple[str, str]) -> None:
    one, two = folders
    assert lenses_in_folders(folders) == {
        "broken": f"{one}/broken.py",
        "sharpness": f"{one}/sharpness.py",
        "many-lenses": f"{two}/many_lenses.py",
        "of-files": f"{two}/of_files",
        "pca": f"{two}/pca.py",
    }
    assert lenses_in_folders(folders[::-1])["sharpness"] == f"{two}/sharpness.py"
    assert lenses_in_folders(["/no/such/folder"]) == {}
    assert find_in_folders("many_lenses:second", folders) == f"{two}/many_lenses.py:second"
    assert find_in_folders("many-lenses", folders) == f"{two}/many_lenses.py"
    assert find_in_folders("notes", folders) is None


@pytest.mark.parametrize("far", [False, True])
def test_a_name_means_a_lens_of_a_folder(folders: tuple[str, str], far: bool) -> None:
    chosen = parse_lens("sharpness", None, (), ("power=3",), far, folders)
    assert chosen is not None
    assert chosen.source is not None
    assert (chosen.source.path, chosen.source.text) == (f"{folders[0]}/sharpness.py", HEAD + SHARPNESS)
    assert chosen.options == (("power", "3"),)
    whole = parse_lens("of-files", None, (), (), far, folders)
    assert whole is not None
    assert whole.source is not None
    assert [name for name, _ in whole.source.files] == ["__init__.py"]
    # a built-in lens keeps its name
    built_in = parse_lens("pca", None, (), (), far, folders)
    assert built_in is not None
    assert built_in.source is None


def test_a_name_that_no_folder_has(folders: tuple[str, str]) -> None:
    with pytest.raises(UsageError, match=r"'sharpnes' is not one of similarity, .*; broken, sharpness, many-lenses"):
        parse_lens("sharpnes", None, (), (), False, folders)


def test_they_are_listed_and_looked_through(
    warm_session: None,
    folders: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "config.toml"
    file.write_text('lenses = ["one", "two"]')  # beside the file
    monkeypatch.setenv("VLMTUI_CONFIG", str(file))
    assert main(["lenses"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    rows = {line.split("  ")[0]: line for line in out.splitlines()}
    found = [line.split()[:4] for line in out.splitlines()]
    assert ["sharpness", "stage", "Scalars", f"{folders[0]}/sharpness.py"] in found
    assert ["sharpness", "stage", "Scalars", f"{folders[1]}/of_files"] in found
    assert "cannot be used: broken.py:1: the lens needs nothere" in rows["broken"]
    assert "defines two lenses, first and second: name one" in rows["many-lenses"]
    words = [CHINA, "--lens", "sharpness", "--format", "json"]
    assert main(words) == 0
    report = json.loads(capfd.readouterr().out)
    assert report["query"]["lens"]["name"] == "sharpness"
    assert report["query"]["lens"]["source"]["path"] == f"{folders[0]}/sharpness.py"
    assert all(isinstance(token["value"], float) for token in report["tokens"])
