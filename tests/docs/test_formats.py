"""The page of formats: the table from the registry, schemas from the modules that write them, keys from a report."""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from importlib import import_module

import pytest

from tests.docs.blocks import DOCS, ROOT, check_block, markdown_table
from tests.reports import made_reports
from vlmtui.reports.formats.base import Format
from vlmtui.reports.formats.registry import FORMATS, format_named

PAGE = DOCS / "formats.md"
WRITTEN_BY = {
    "vlmtui/models/1": "vlmtui.reports.commands.models",
    "vlmtui/session/1": "vlmtui.session.status_json",
    "vlmtui/doctor/1": "vlmtui.cli.doctor",
    "vlmtui/match/1": "vlmtui.reports.commands.match",
    "vlmtui/classify/1": "vlmtui.reports.commands.classify",
    "vlmtui/outliers/1": "vlmtui.reports.commands.outliers",
    "vlmtui/atlas/1": "vlmtui.reports.atlas.json_csv",
    "vlmtui/vocabulary/1": "vlmtui.reports.commands.vocabulary",
    "vlmtui/near/1": "vlmtui.reports.commands.word_neighbours",
}
OTHERS = {
    "vlmtui/report/1": "vlmtui.reports.formats.json",
    "vlmtui/table/1": "vlmtui.reports.formats.parquet",
    "vlmtui/vectors/1": "vlmtui.reports.formats.vectors",
    "vlmtui/answer/1": "vlmtui.reports.commands.ask",
    "vlmtui/verify/1": "vlmtui.reports.commands.verify",
}


def row(one: Format) -> tuple[str, ...]:
    """A format's line in the table."""
    several = "one; several into a folder" if one.folder else "one"
    return (
        f"`{one.name}`",
        " ".join(f"`{ending}`" for ending in one.endings),
        several if one.one_image else "any number",
        " ".join(f"`{option}`" for option in sorted(one.options)),
        "all" if one.lens_kinds is None else ", ".join(sorted(one.lens_kinds)),
    )


def test_the_table_is_the_registry() -> None:
    head = "format", "ending", "images", "options", "lens results"
    check_block(PAGE, "formats", markdown_table(head, map(row, FORMATS)))


def test_the_readme_names_every_format() -> None:
    check_block(ROOT / "README.md", "formats", ", ".join(f"`{one.name}`" for one in FORMATS))


@pytest.mark.parametrize("schema", WRITTEN_BY)
def test_a_schema_is_as_its_module_has_it(schema: str) -> None:
    module = import_module(WRITTEN_BY[schema])
    found = re.search(r"\n\n( *\{.*)", inspect.getdoc(module) or "", re.DOTALL)
    assert found
    block, _, after = textwrap.dedent(found[1]).partition("\n\n")
    assert block.count("{") == block.count("}") > 0
    check_block(PAGE, schema, f"```text\n{textwrap.dedent(block)}\n```\n\n{after.strip()}".strip())
    assert schema == module.SCHEMA


def test_every_schema_is_listed() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(schema == import_module(module).SCHEMA for schema, module in OTHERS.items())
    listed = re.findall(r"^\| \[`(vlmtui/\w+/\d)`\]", text, re.MULTILINE)
    assert sorted(listed) == sorted({*WRITTEN_BY, *OTHERS})


def test_the_report_s_schema_has_its_keys() -> None:
    part = PAGE.read_text(encoding="utf-8").split("## `vlmtui/report/1`")[1].split("```")[1]
    reading = made_reports.reading(2, 3)
    seen = made_reports.seen(reading, made_reports.words(reading, 3))
    report = json.loads("".join(map(str, format_named("json").write([seen], seen.query, False))))

    def keys(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value) | {key for inner in value.values() for key in keys(inner)}
        return {key for inner in value for key in keys(inner)} if isinstance(value, list) else set()

    assert {key for key in keys(report) if f'"{key}"' not in part} == set()
