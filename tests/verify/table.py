"""Table of `verify` for the tiny checkpoint of every family: `python -m tests.verify.table`.

It compares the table with the one in the documentation; with `UPDATE_DOCS=1` it writes it there.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import torch

from tests.docs.blocks import DOCS, block, check_block, markdown_table
from tests.families import EVERY, FAMILIES, LACKING, build
from vlmtui.models.families.registry import family_class
from vlmtui.session import protocol as m
from vlmtui.session.engine import Engine
from vlmtui.session.request_control import RequestControl
from vlmtui.verify.check_table import CHECKS

PAGE = DOCS / "models.md"
HEAD = ("family", *CHECKS)


def cells(name: str, folder: Path, checks: Iterable[m.Check]) -> list[str]:
    """The row of a family: its title, and the result of each check, empty where it does not apply."""
    results = {check.name: check.result for check in checks}
    model_type = json.loads((folder / "config.json").read_text())["model_type"]
    return [FAMILIES[name].title or family_class(model_type).title, *(results.get(check, "") for check in CHECKS)]


def check_row(name: str, folder: Path, checks: Iterable[m.Check]) -> str:
    """The line of a family in the table."""
    return markdown_table((), [cells(name, folder, checks)]).splitlines()[-1]


def main() -> int:
    """Verify every family; 1 where a check fails, or the documentation has another table."""
    torch.set_num_threads(1)
    engine, rows, failed = Engine(), [], 0
    there = {line.split(" | ")[0]: line for line in block(PAGE, "verified").splitlines()}
    with tempfile.TemporaryDirectory() as home:
        for name in EVERY:
            if name in LACKING:  # as it was where what it needs is installed
                rows.append([cell.strip() for cell in there[f"| {family_class(name).title}"].strip("|").split("|")])
                continue
            folder = build(name, Path(home) / name)
            found = engine.answer(m.Verify(str(folder), device="cpu"), RequestControl())
            rows.append(cells(name, folder, found.checks))
            for check in found.checks:
                if check.result == "fail":
                    failed += 1
                    print(f"{rows[-1][0]}: {check.name} fails: {check.figure}", file=sys.stderr)
            print(f"{len(rows)} of {len(EVERY)}: {rows[-1][0]}", flush=True)
    try:
        check_block(PAGE, "verified", markdown_table(HEAD, rows))
    except AssertionError:
        print(f"the table in {PAGE} is another: write it with UPDATE_DOCS=1", file=sys.stderr)
        failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
