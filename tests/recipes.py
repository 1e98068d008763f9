"""Recipes of CONTRIBUTING.md: the code blocks below a heading, applied to a copy of the project.

A block whose first line is a comment with a path is a new file. A `diff` block changes a file that is there: its first
line is `+++ path`, and the lines marked ` ` and `-` must be in that file together, once. What a person who followed a
recipe has left in the project is taken out of the copy first.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
CONTRIBUTING = ROOT / "CONTRIBUTING.md"


@dataclass(frozen=True)
class Change:
    """Lines of a file, and those that take their place."""

    path: Path
    old: str
    new: str

    @property
    def more_lines(self) -> int:
        """How many lines longer the file is afterwards."""
        return self.new.count("\n") - self.old.count("\n")

    def undone(self, source: str) -> str:
        """The text of the file without the change, where it was made; an import may have been joined to another."""
        source = source.replace(self.new, self.old)
        for module, name in re.findall(r"^from ([\w.]+) import (\w+)$", self.new.replace(self.old, ""), re.MULTILINE):

            def others(found: re.Match[str], name: str = name) -> str:
                names = [one for one in found[2].split(", ") if one != name]
                return found[1] + ", ".join(names or [name])

            source = re.sub(rf"^(from {re.escape(module)} import )(.+)$", others, source, flags=re.MULTILINE)
        return source


@dataclass(frozen=True)
class Recipe:
    """New files by their path in the project, and changes of files."""

    files: dict[Path, str]
    changes: tuple[Change, ...]

    @property
    def left(self) -> bool:
        """Whether it was followed in the project itself, and what it makes is still there."""
        made = [change.undone(text) != text for change in self.changes for text in [(ROOT / change.path).read_text()]]
        return any([*made, *((ROOT / path).exists() for path in self.files)])

    def remove(self, root: Path) -> None:
        """Take out of a copy of the project what the recipe has made there, as far as it is there."""
        for path in self.files:
            (root / path).unlink(missing_ok=True)
        for change in self.changes:
            if (root / change.path).exists():
                source = (root / change.path).read_text("utf-8")
                (root / change.path).write_text(change.undone(source), "utf-8")

    def apply(self, root: Path) -> None:
        """Write the files and make the changes in a copy of the project, or in a copy of its package alone."""
        self.remove(root)
        for path, text in self.files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, "utf-8")
        for change in self.changes:
            source = (root / change.path).read_text("utf-8")
            assert source.count(change.old) == 1, (
                f"{change.path} changed here: update the diff in CONTRIBUTING.md, "
                f"whose lines are there {source.count(change.old)} times, not once:\n{change.old}"
            )
            (root / change.path).write_text(source.replace(change.old, change.new), "utf-8")


def sections(text: str | None = None) -> dict[str, str]:
    """What is below each heading of CONTRIBUTING.md, or of another text; headings in blocks of code are none."""
    text = CONTRIBUTING.read_text("utf-8") if text is None else text
    found, title, code = {"": ""}, "", False
    for line in text.splitlines(keepends=True):
        code ^= line.startswith("```")
        if line.startswith("## ") and not code:
            title = line.removeprefix("## ").strip()
        found[title] = found.get(title, "") + line
    return found


def recipe(title: str, text: str | None = None) -> Recipe:
    """The recipe below a heading."""
    files, changes = {}, []
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```$", sections(text)[title], re.DOTALL | re.MULTILINE):
        first, _, rest = block.partition("\n")
        if language == "diff":
            changes.append(_change(Path(first.removeprefix("+++ ")), rest))
        elif path := re.fullmatch(r"(?:#|<!--) ([\w/.]+/[\w.]+)(?: -->)?", first):
            files[Path(path[1])] = rest
    assert files or changes, f"the recipe {title!r} has no code"
    return Recipe(files, tuple(changes))


def pytest_in(copy: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    """Run tests in a copy of the project, as a newcomer would."""
    return _run_in(copy, {}, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)


def copy_documents(copy: Path) -> None:
    """Lay the documentation, the tests and the settings of the tools beside a copy of the package."""
    for name in ("tests", "docs"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    for name in ("README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, copy)


def update_docs_in(copy: Path, followed: Recipe | None = None) -> None:
    """Run the command of the recipes that writes the documentation, in a copy of the project that has all documents;
    something in them must have been stale, unless the recipe was `followed` in the project as well."""
    pages = (copy / "README.md", *(copy / "docs").rglob("*.md"))
    before = [page.read_bytes() for page in pages]
    done = _run_in(copy, {"UPDATE_DOCS": "1"}, "-m", "tests.docs.generated")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert (followed is not None and followed.left) or [page.read_bytes() for page in pages] != before


def _run_in(copy: Path, variables: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "UPDATE_DOCS"}
    env |= {"PYTHONPATH": str(copy), **variables}
    command = [sys.executable, "-P", *words]
    return subprocess.run(command, env=env, cwd=copy, capture_output=True, text=True, check=False)


def _change(path: Path, block: str) -> Change:
    lines = block.splitlines(keepends=True)
    assert all(line[0] in " +-" for line in lines), f"a line of the change to {path} begins with no mark"
    old = "".join(line[1:] for line in lines if line[0] != "+")
    new = "".join(line[1:] for line in lines if line[0] != "-")
    return Change(path, old, new)
