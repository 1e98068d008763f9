"""The tests that make blocks of the documentation, and README's table: `python -m tests.docs.generated` runs them all.

With `UPDATE_DOCS=1` they write the blocks, without it they check them. Two tables are measured, and left out: that
of families, and that of the shares of the screen.
"""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT

TESTS = Path(__file__).parents[1]
MEASURED = Path("models/families/test_families.py"), Path("tui/screens/test_room.py")


def block_tests(folder: Path = TESTS) -> list[str]:
    """pytest's names of the tests below a folder that call `check_block`, without those in `MEASURED`."""
    found = []
    for path in sorted(folder.rglob("test_*.py")):
        source = path.read_text("utf-8")
        if "check_block(" in source and path.relative_to(folder) not in MEASURED:
            found += [f"{path}::{name}" for name in _callers(ast.parse(source))]
    return found


def _callers(module: ast.Module) -> list[str]:
    return [
        function.name
        for function in module.body
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function.name.startswith("test_")
        if any(isinstance(node, ast.Name) and node.id == "check_block" for node in ast.walk(function))
    ]


def main() -> int:
    """Run them, and say which pages were written, or are stale."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    before = {page: page.read_bytes() for page in pages}
    status = pytest.main(["-q", "--no-header", "-p", "no:cacheprovider", *block_tests()])
    written = [str(page.relative_to(ROOT)) for page in pages if page.read_bytes() != before[page]]
    if os.environ.get("UPDATE_DOCS"):
        print(f"written: {', '.join(written) or 'nothing, all pages are up to date'}")
    return status


if __name__ == "__main__":
    sys.exit(main())
