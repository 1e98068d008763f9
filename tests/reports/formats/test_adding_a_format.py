"""What a format costs: in a copy of the package one is added by a file and a line, and every way of saving knows it.

It is that of the recipe in CONTRIBUTING.md.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.recipes import recipe

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
    found["dialog"] = [0, ask_name(image, Path)._hint, ""]
print(json.dumps(found))
"""


def copied(into: Path) -> Path:
    """The package copied with one more format: a file, and a line of the registry; the folder it is in."""
    package = into / "vlmtui"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__", "weights"))
    (package / "demo" / "weights").symlink_to(PACKAGE / "demo" / "weights")
    RECIPE.apply(into)
    return into


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
    assert "text, json, jsonl, csv, parquet, markdown, html," in " ".join(str(found["help"][1]).split())
    assert "csv, json, jsonl, markdown, parquet: only these" in " ".join(str(found["help"][1]).split())
    assert "choose text, json, jsonl, csv, parquet, markdown, ansi" in str(found["unknown"][2])
    assert "end it in .txt, .json, .jsonl, .csv, .parquet, .md, .html" in str(found["ending"][2])
    status, _, err = found["stages"]
    assert (status, "markdown shows one stage" in str(err)) == (2, True)


def test_python_and_the_explorer_save_it(found: dict[str, list[object]]) -> None:
    report, python, explorer = map(str, found["files"])
    assert python == report
    assert explorer.startswith("| image | index |")
    assert ".parquet, .md, .html" in str(found["dialog"][1])


def test_what_is_added_is_a_file_and_a_line(tmp_path: Path) -> None:
    copy = copied(tmp_path) / "vlmtui"
    there = {path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py")}
    new = {path.relative_to(copy) for path in copy.rglob("*.py")} - there
    changed = {path for path in there if (PACKAGE / path).read_bytes() != (copy / path).read_bytes()}
    lines = [len((package / REGISTRY).read_text().splitlines()) for package in (PACKAGE, copy)]
    print(f"a format: {len(new)} new file, {len(changed)} changed, by {lines[1] - lines[0]} line")
    assert (new, changed, lines[1] - lines[0]) == ({WRITER}, {REGISTRY}, 1)
