"""CONTRIBUTING.md: its recipes and what it says of `.ci/run`."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.recipes import recipe, sections

ROOT = Path(__file__).parents[1]
TITLES = [title for title in sections() if title.startswith("Add ")]


def test_every_recipe_is_followed_by_a_test() -> None:
    followed = {
        ast.literal_eval(title)
        for path in ROOT.glob("tests/**/*.py")
        for title in re.findall(r'^RECIPE = recipe\((".*")\)$', path.read_text("utf-8"), re.MULTILINE)
    }
    assert followed == set(TITLES)
    assert len(TITLES) == 6


@pytest.mark.parametrize("title", TITLES)
def test_every_block_of_code_is_part_of_the_recipe(title: str) -> None:
    found = recipe(title)
    blocks = re.findall(r"^```(?:python|diff|markdown)$", sections()[title], re.MULTILINE)
    assert len(blocks) == len(found.files) + len(found.changes)


@pytest.mark.parametrize("title", TITLES)
def test_a_change_depends_on_one_line_of_its_file_so_that_others_may_stand_beside_it(title: str) -> None:
    for change in recipe(title).changes:
        assert (change.old.count("\n"), change.more_lines) == (1, 1), change.path
        assert change.old in change.new, "the line itself stays"


def test_files_and_changes_are_read(tmp_path: Path) -> None:
    text = "\n## One\n```python\n# a/new.py\nx = 1\n```\n```diff\n+++ a/old.py\n-y = 1\n+y = 2\n z = 3\n```\n\n## Two\n"
    (tmp_path / "a").mkdir()
    old = tmp_path / "a" / "old.py"
    old.write_text("# first\ny = 1\nz = 3\n")
    found = recipe("One", text)
    found.apply(tmp_path)
    assert (tmp_path / "a" / "new.py").read_text() == "x = 1\n"
    assert old.read_text() == "# first\ny = 2\nz = 3\n"
    # what is there already is no clash
    found.apply(tmp_path)
    assert old.read_text() == "# first\ny = 2\nz = 3\n"
    found.remove(tmp_path)
    assert old.read_text() == "# first\ny = 1\nz = 3\n"
    assert not (tmp_path / "a" / "new.py").exists()
    old.write_text("z = 3\n")
    with pytest.raises(
        AssertionError, match=r"^a/old\.py changed here: update the diff in CONTRIBUTING\.md, .* 0 times"
    ):
        found.apply(tmp_path)


def test_an_import_that_was_joined_to_another_is_taken_out() -> None:
    text = "## One\n```diff\n+++ a/b.py\n+from a import new\n from b import y\n```\n"
    (change,) = recipe("One", text).changes
    whole = "from a import last\nfrom b import y\n"
    for source in (whole, f"from a import last\n{change.new}", "from a import last, new\nfrom b import y\n"):
        assert change.undone(source) == whole


def test_what_ci_runs_is_told() -> None:
    commands = re.findall(r"^ *run (?:\.venv/bin/)?(.+)$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert len(commands) >= 4
    assert [command for command in commands if f"`{command}`" not in sections()["What `.ci/run` runs"]] == []
