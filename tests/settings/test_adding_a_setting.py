"""What a setting costs: in a copy of the package the one of CONTRIBUTING.md is added by a row, and used."""

from __future__ import annotations

from pathlib import Path

from tests.recipes import copy_documents, recipe, update_docs_in
from tests.tui.copies import copied, driven

RECIPE = recipe("Add a setting")
DRIVER = """
import os, pathlib, tempfile
from vlmtui.cli import look, main
from vlmtui.settings.config_file import read_config
from vlmtui.settings.in_force import all_mistakes, read_settings
from vlmtui.settings.listing import setting_rows, table_rows, template

file = pathlib.Path(tempfile.mkdtemp()) / "config.toml"
os.environ["VLMTUI_CONFIG"] = str(file)
queries = []
look._run_report = lambda sources, query, *rest: queries.append(query) or 0
file.write_text('processor = "org/other"')
assert main(["report", "sample_images"]) == 0
assert main(["report", "sample_images", "--processor", "org/third"]) == 0
assert [query.load.processor for query in queries] == ["org/other", "org/third"]
rows = [(row.name, row.value, row.origin) for row in setting_rows(read_settings())]
assert ("processor", "org/other", "line 1") in rows
assert "# processor = " in template()
assert "`processor`" in [row[0] for row in table_rows()]
file.write_text("processor = 5")
(mistake,) = all_mistakes(read_config(file))
assert str(mistake).endswith(':1: processor is 5: give text, such as "org/model"')
"""


def test_a_setting_is_one_row(tmp_path: Path) -> None:
    copy = copied(tmp_path)
    RECIPE.apply(copy)
    assert (RECIPE.files, [change.more_lines for change in RECIPE.changes]) == ({}, [1])
    driven(copy, DRIVER)
    copy_documents(copy)
    update_docs_in(copy, RECIPE)
    assert "| `processor` |" in (copy / "docs" / "settings.md").read_text("utf-8")
