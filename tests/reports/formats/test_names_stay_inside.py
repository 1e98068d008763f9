"""A format stands in one place: nothing outside `reports/formats/` decides by a format's name or ending."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from vlmtui.query.options import LoadOptions, Query
from vlmtui.reports.formats.base import Content
from vlmtui.reports.formats.registry import ENDINGS, FORMATS, format_named

PACKAGE = Path(__file__).parents[3] / "vlmtui"
COMMANDS = {
    "cli/atlas.py": "formats of an atlas",
    "cli/config.py": "formats of the list of settings",
    "cli/options.py": "the format of a table for spreadsheets",
    "cli/models.py": "formats of what is found of models and the machine",
    "cli/vocabulary.py": "formats of a vocabulary",
    "cli/session.py": "formats of the session's state",
    "reports/atlas/tables.py": "kinds of a column, of which text is one",
    "reports/commands/ask.py": "formats of an answer",
    "reports/commands/atlas.py": "formats of an atlas",
}
"""Files that compare with the name of a format which is another command's, or no format: where, and which."""


def compared(tree: ast.AST) -> Iterator[ast.Constant]:
    """The strings that something is compared with or matched by."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, comparators=comparators):
                some = [left, *comparators]
            case ast.MatchValue(value=value):
                some = [value]
            case _:
                continue
        for one in some:
            parts = one.elts if isinstance(one, ast.Tuple | ast.List | ast.Set) else [one]
            yield from (part for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))


def test_no_name_of_a_format_is_decided_by_outside_its_room() -> None:
    names = {one.name for one in FORMATS} | set(ENDINGS)
    found, files = dict[str, list[str]](), 0
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name.startswith("reports/formats/"):
            continue
        files += 1
        there = [f"{name}:{one.lineno}: {one.value!r}" for one in compared(ast.parse(path.read_text()))]
        if there := [one for one in there if ast.literal_eval(one.split(": ", 1)[1]) in names]:
            found[name] = there
    print(f"{len(FORMATS)} formats; {files} files outside their room; {len(COMMANDS)} with another command's")
    assert files > 200
    assert not [one for name, some in found.items() if name not in COMMANDS for one in some]
    # nothing is allowed that is not there any more
    assert found.keys() == COMMANDS.keys()


def test_names_and_endings_are_used_once() -> None:
    assert len({one.name for one in FORMATS}) == len(FORMATS)
    assert len(ENDINGS) == sum(len(one.endings) for one in FORMATS)
    assert not format_named("pdf").holds("Scalars")


def test_an_entry_fits_what_its_format_is() -> None:
    for one in FORMATS:
        assert one.of_rows == (one.content is Content.REPORT)
        assert one.one_image or not one.folder, one.name
        assert isinstance(next(iter(one.write([], Query(LoadOptions("tiny")), False)), ""), str | bytes), one.name
