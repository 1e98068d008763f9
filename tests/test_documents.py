"""Documents at the top level: the tests and files that they name exist, and the version is in the changelog."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from vlmtui._version import __version__

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(path.name for path in ROOT.glob("*.md"))
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
SCHEMA = r"vlmtui/\w+/\d+`"
PATHS = re.compile(rf"`(?!{SCHEMA})((?:vlmtui|tests|demo_training|benchmarks|examples|sample_images|docs)/[\w./-]*)`")


def text_of(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


@cache
def functions_of(file: str) -> set[str]:
    """Names of the test functions of a file."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize(("document", "least"), [("ARCHITECTURE.md", 20), ("SECURITY.md", 40)])
def test_every_test_that_is_named_exists(document: str, least: int) -> None:
    named = NAMED.findall(text_of(document))
    assert len(named) >= least
    assert [f"{file}::{name}" for file, name in named if name not in functions_of(file)] == []


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "SECURITY.md"])
def test_every_row_of_statements_names_a_test(document: str) -> None:
    rows = [line for line in text_of(document).splitlines() if line.startswith("| ") and "| test |" not in line]
    tables = [row for row in rows if "tests/" in row]
    headed = re.findall(r"^\| \w+ \| test \|\n\| --- \| --- \|\n((?:\|.*\n)+)", text_of(document), re.MULTILINE)
    assert headed
    assert sum(block.count("\n") for block in headed) == len(tables)
    assert [line for block in headed for line in block.splitlines() if not NAMED.search(line)] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_paths_and_links_lead_somewhere(document: str) -> None:
    # code blocks of CONTRIBUTING.md make files that are not there yet
    prose = re.sub(r"^```.*?^```$", "", text_of(document), flags=re.DOTALL | re.MULTILINE)
    linked = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", prose) if "://" not in link]
    assert [path for path in (*PATHS.findall(prose), *filter(None, linked)) if not (ROOT / path).exists()] == []


def test_the_newest_release_of_the_changelog_is_this_version() -> None:
    headings = re.findall(r"^## \[([^\]]+)\](?: - (\d{4}-\d{2}-\d{2}))?$", text_of("CHANGELOG.md"), re.MULTILINE)
    assert headings[0] == ("Unreleased", "")
    assert headings[1][0] == __version__
    assert [date for _, date in headings[1:]] == sorted((date for _, date in headings[1:]), reverse=True)
    assert all(date for _, date in headings[1:])


def test_every_room_is_on_the_map() -> None:
    text = text_of("ARCHITECTURE.md")
    rooms = {f"{path.parent.name}/" for path in ROOT.glob("vlmtui/*/__init__.py")}
    rooms |= {f"{path.parent.name}/" for path in ROOT.glob("vlmtui/tui/*/__init__.py")}
    files = {path.name for path in ROOT.glob("vlmtui/*.py") if not path.name.startswith("__")}
    assert {name for name in rooms | files if f"`{name}`" not in text} == set()
