"""Blocks of a page that a test makes: tables and schemas. With `UPDATE_DOCS=1` the tests write them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def check_block(page: Path, name: str, made: str) -> None:
    """Assert that the block `name` of a page is `made`; with `UPDATE_DOCS=1` write it there."""
    start, end = f"<!-- {name}: written by tests with UPDATE_DOCS=1 -->", f"<!-- end of {name} -->"
    text = page.read_text(encoding="utf-8")
    assert text.count(start) == text.count(end) == 1, f"{page.name} needs one line {start!r}, and one {end!r} after it"
    before, rest = text.split(start)
    old, after = rest.split(end)
    if os.environ.get("UPDATE_DOCS"):
        page.write_text(f"{before}{start}\n\n{made}\n\n{end}{after}", encoding="utf-8")
    else:
        assert old.strip() == made


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
