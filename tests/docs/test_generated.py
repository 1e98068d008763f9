"""One command makes every block of the documentation that is made from code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs import generated
from tests.docs.blocks import DOCS, ROOT
from tests.recipes import copy_documents, sections, update_docs_in
from tests.tui.copies import copied

BLOCK = re.compile(r"^<!-- ([^\n]+): written by tests with UPDATE_DOCS=1 -->\n(.*?)^<!-- end of \1 -->$", re.M | re.S)


def test_every_block_is_written_by_the_command(tmp_path: Path) -> None:
    pages = [page.relative_to(ROOT) for page in (ROOT / "README.md", *DOCS.rglob("*.md"))]
    copy_documents(copied(tmp_path))
    emptied = 0
    for page in pages:
        text, many = BLOCK.subn(lambda block: block[0].replace(block[2], ""), (ROOT / page).read_text("utf-8"))
        emptied += many
        (tmp_path / page).write_text(text, "utf-8")
    assert emptied > 30
    update_docs_in(tmp_path)
    others = [page for page in pages if (tmp_path / page).read_bytes() != (ROOT / page).read_bytes()]
    assert sorted(others) == [Path("docs/explorer.md"), Path("docs/models.md")], "whose tables are measured"


def test_only_tests_that_make_blocks_are_run(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text(
        "def test_a(): check_block(1)\n\ndef test_b(): pass\n\ndef row(): check_block(2)"
    )
    (tmp_path / "test_two.py").write_text("def test_c(): pass\n")
    assert generated.block_tests(tmp_path) == [f"{tmp_path / 'test_one.py'}::test_a"]


@pytest.mark.parametrize("title", [title for title in sections() if title.startswith("Add ")])
def test_every_recipe_names_the_command(title: str) -> None:
    family = "pytest tests/models/families/test_families.py"  # which the command leaves out
    python = ".venv/bin/python -m "
    command = f"UPDATE_DOCS=1 {python}tests.docs.generated"
    if title == "Add a family":
        command = f"UPDATE_DOCS=1 VLMTUI_FAMILIES=all {python}{family}"
    assert f"\n{command}\n" in sections()[title]
