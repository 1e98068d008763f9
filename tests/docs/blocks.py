"""Blocks of a page that a test makes: tables and schemas. With `UPDATE_DOCS=1` the tests write them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def block(page: Path, name: str) -> str:
    """The block `name` of a page as it is there."""
    return _parts(page, name)[1].strip()


def check_block(page: Path, name: str, made: str) -> None:
    """Assert that the block `name` of a page is `made`; with `UPDATE_DOCS=1` write it there."""
    before, old, after = _parts(page, name)
    if os.environ.get("UPDATE_DOCS"):
        start, end = _marks(name)
        page.write_text(f"{before}{start}\n\n{made}\n\n{end}{after}", encoding="utf-8")
    else:
        assert old.strip() == made


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- {name}: written by tests with UPDATE_DOCS=1 -->", f"<!-- end of {name} -->"


def _parts(page: Path, name: str) -> tuple[str, str, str]:
    """What is before a block, in it, and after it."""
    start, end = _marks(name)
    text = page.read_text(encoding="utf-8")
    assert text.count(start) == text.count(end) == 1, f"{page.name} needs one line {start!r}, and one {end!r} after it"
    before, rest = text.split(start)
    inside, after = rest.split(end)
    return before, inside, after


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
