"""What a format costs: in a copy of the package one is added by a file and a line, and every way of saving knows it.

It is that of the recipe in CONTRIBUTING.md.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.recipes import copy_documents, recipe, update_docs_in
from vlmtui.reports.formats.registry import ENDINGS, FORMATS

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "vlmtui"
IMAGE = ROOT / "sample_images" / "scene-town.png"
REGISTRY = Path("reports/formats/registry.py")
WRITER = Path("reports/formats/markdown.py")
RECIPE = recipe("Add a format")
DRIVER = """
import contextlib, io, json, sys
from vlmtui.cli import main

def run(*words):
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main([*words, "--quiet"])
        out.flush()
    return [status, out.buffer.getvalue().decode("utf-8"), err.getvalue()]

image = sys.argv[1]
found = {
    "help": run("report", "--help"),
    "format": run("report", image, "--format", "markdown", "-k", "2"),
    "file": run("report", image, "-k", "2", "-o", "report.md"),
    "fields": run("report", image, "--format", "markdown", "--fields", "index,norm"),
    "two": run("report", image, image, "--format", "markdown", "--fields", "image,index"),
    "unknown": run("report", image, "--format", "pdf"),
    "ending": run("report", image, "-o", "report.pdf"),
    "csv": run("report", image, "missing.png", "--format", "csv", "-k", "9"),
    "markdown": run("report", image, "missing.png", "--format", "markdown", "-k", "9"),
    "values": [run("report", image, "--lens", "pca", "--format", one) for one in ("csv", "markdown")],
    "layers": [run("report", image, "--lens", "layers", "--format", one) for one in ("csv", "markdown")],
    "stages": run("report", image, "--format", "markdown", "--stages", "all"),
}
import vlmtui
with vlmtui.open_session("demo") as session:
    reading = session.read(image)
    reading.save("python.md", k=2)
    from vlmtui.query.options import LoadOptions, Query
    from pathlib import Path
    from vlmtui.tui.export import ask_name, save
    from vlmtui.tui.state.results import Results, Selection
    results = Results(reading.data.image, None, reading.data.model, reading.data)
    save("explorer.md", results, Selection(stage="vision.1"), Query(LoadOptions("demo")))
    found["dialog"] = [0, ask_name(image, Path, str)._hint, ""]
print(json.dumps(found))
"""


def copied(into: Path) -> Path:
    """The package copied with one more format: a file, and a line of the registry; the folder it is in."""
    package = into / "vlmtui"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__", "weights"))
    (package / "demo" / "weights").symlink_to(PACKAGE / "demo" / "weights")
    RECIPE.apply(into)
    return into


def before(name: str, names: Iterable[str], new: str) -> str:
    """The names in a sentence, with a new one before one of them."""
    return ", ".join(part for one in names for part in ((new, one) if one == name else (one,)))


def unescaped(line: str) -> list[str]:
    """The cells of a row of a Markdown table."""
    cells, rest = [""], line.removeprefix("| ").removesuffix(" |")
    if line.startswith("|") and rest == line:
        rest = line.strip("|")
    characters = iter(rest)
    for c in characters:
        if c == "|":
            cells.append("")
        else:
            cells[-1] += next(characters) if c == "\\" else c
    return [cell.removeprefix(" ").removesuffix(" ") for cell in cells]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[object]]:
    """What the copy says, and the files it saved under `files`, from one process."""
    folder = tmp_path_factory.mktemp("copy")
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    env = os.environ | {"PYTHONPATH": str(copied(folder)), "XDG_RUNTIME_DIR": str(runtime), "COLUMNS": "200"}
    run = [sys.executable, "-P", "-m", "vlmtui", "session"]
    begun = subprocess.run([*run, "start"], env=env, capture_output=True, text=True, check=False)
    assert begun.returncode == 0, begun.stderr
    try:
        driver = [sys.executable, "-P", "-c", DRIVER, str(IMAGE)]
        done = subprocess.run(driver, env=env, cwd=folder, capture_output=True, text=True, check=False)
    finally:
        subprocess.run([*run, "stop"], env=env, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
    result: dict[str, list[object]] = json.loads(done.stdout)
    result["files"] = [(folder / name).read_text() for name in ("report.md", "python.md", "explorer.md")]
    return result


def test_the_command_line_writes_it(found: dict[str, list[object]]) -> None:
    status, table, err = found["format"]
    assert (status, err) == (0, "")
    lines = str(table).splitlines()
    assert lines[0].startswith("| image | index | kind | grid | row | col |")
    assert len(lines) == 2 + 196
    assert found["file"][0] == 0
    assert found["files"][0] == table, "its ending asks for it"
    assert str(found["fields"][1]).splitlines()[0] == "| index | norm |"
    assert len(str(found["two"][1]).splitlines()) == 2 + 2 * 196


def test_help_and_errors_name_it(found: dict[str, list[object]]) -> None:
    there = " ".join(str(found["help"][1]).split())
    others = [one for one in FORMATS if one.name != "markdown"]
    assert before("png", [one.name for one in others], "markdown").rpartition(", ")[0] in there
    fields = sorted([*(one.name for one in others if one.takes("--fields")), "markdown"])
    assert f"{', '.join(fields)}: only these" in there
    assert ", markdown, " in str(found["unknown"][2])
    assert f"end it in {before('.png', [ending for ending in ENDINGS if ending != '.md'], '.md')}" in str(
        found["ending"][2]
    )
    status, _, err = found["stages"]
    assert (status, "markdown shows one stage" in str(err)) == (2, True)


def test_python_and_the_explorer_save_it(found: dict[str, list[object]]) -> None:
    report, python, explorer = map(str, found["files"])
    assert python == report
    assert explorer.startswith("| image | index |")
    assert ", .md, " in str(found["dialog"][1])


def test_its_cells_are_those_of_csv(found: dict[str, list[object]]) -> None:
    (status, table, err), (csv_status, csv_table, csv_err) = found["markdown"], found["csv"]
    assert (status, err) == (csv_status, csv_err)
    head, rule, *rows = (unescaped(line) for line in str(table).splitlines())
    assert [head, *rows] == list(csv.reader(io.StringIO(str(csv_table))))
    assert set(rule) == {"---"}
    assert ["missing.png" in row[0] and bool(row[-1]) for row in rows[-2:]] == [False, True], "a failed image"
    assert "" in rows[0]
    (_, values, _), (_, markdown, _) = found["values"]
    head, _, *rows = (unescaped(line) for line in str(markdown).splitlines())
    assert [head, *rows] == list(csv.reader(io.StringIO(str(values))))


@pytest.mark.parametrize("word", ["a|b", "a\\b", "a\\|b", "||", "\\"])
def test_what_would_end_a_cell_is_escaped(word: str) -> None:
    module: dict[str, Any] = {}
    exec(RECIPE.files[Path("vlmtui") / WRITER], module)
    assert unescaped(f"| {module['_cell'](word)} | {module['_cell'](None)} |") == [word, ""]


def test_a_lens_without_a_column_is_refused(found: dict[str, list[object]]) -> None:
    csv_result, (status, out, err) = found["layers"]
    assert (status, out, [status, out, err]) == (2, "", csv_result)
    said = "--lens layers gives words by layer, which a table has no column for"
    assert err == f"vlmtui: {said}: choose --format text, json, jsonl\n"


def test_what_is_added_is_a_file_and_a_line(tmp_path: Path) -> None:
    copy, bare = copied(tmp_path) / "vlmtui", copied(tmp_path / "bare") / "vlmtui"
    RECIPE.remove(bare.parent)
    there = {path.relative_to(bare) for path in bare.rglob("*.py")}
    new = {path.relative_to(copy) for path in copy.rglob("*.py")} - there
    changed = {path for path in there if (bare / path).read_bytes() != (copy / path).read_bytes()}
    lines = [len((package / REGISTRY).read_text().splitlines()) for package in (bare, copy)]
    print(f"a format: {len(new)} new file, {len(changed)} changed, by {lines[1] - lines[0]} line")
    copy_documents(tmp_path)
    update_docs_in(tmp_path, RECIPE)
    assert "| `markdown` | `.md` |" in (tmp_path / "docs/formats.md").read_text("utf-8")
    assert (new, changed, lines[1] - lines[0]) == ({WRITER}, {REGISTRY}, 1)
