"""What a lens costs: in a copy of the package one of each kind, and that of the recipe in CONTRIBUTING.md, is added by
a folder and a line, and is everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tests.lenses.new_lenses import BODIES, RECIPE, copied, copied_with_recipe
from tests.recipes import copy_documents, pytest_in, update_docs_in

ROOT = Path(__file__).parents[2]
IMAGE = ROOT / "sample_images" / "scene-town.png"
DRIVER = """
import contextlib, io, json, sys
from vlmtui.cli import main

def run(*words):
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main([*words, "--quiet"])
        out.flush()
    return [status, out.buffer.getvalue().decode("utf-8", "replace"), err.getvalue()]

image, names = sys.argv[1], sys.argv[2].split(",")
found = {"lenses": run("lenses"), "help": run("report", "--help")}
for name in names:
    single = ("--patch", "3,4") if name in ("new-layer-words", "new-facts") else ()
    for format in ("text", "json", "csv", "parquet", "png", "gif", "ansi", "html"):
        to = ("-o", f"out.{format}") if format in ("parquet", "png", "gif") else ()
        some = single if format in ("text", "json", "html") else ()
        found[f"{name} {format}"] = run("report", image, "--lens", name, "--format", format, "-k", "2", *some, *to)
import vlmtui
from vlmtui.query.chosen_lens import parse_lens
from vlmtui.query.options import LoadOptions, Query
from vlmtui.tui.initial_selection import initial_selection
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
with vlmtui.open_session("demo") as session:
    reading = session.read(image)
    answer = reading.ask(max_new_tokens=3)
    for name in names:
        some = (5,) if name == "new-facts" else None
        kind = reading.look(name, entries=some, answer=answer if name == "new-token-maps" else None)
        found[f"{name} python"] = [0, type(kind).__name__, ""]
        query = Query(LoadOptions("demo"), lens=parse_lens(name, None, ()))
        view, wrong = initial_selection(Selection(), Results(None, None, reading.data.model, reading.data), query)
        found[f"{name} explorer"] = [len(wrong), view.overlay, view.of_answer.attribution]
    look = reading.look("kurtosis", stage="vision.2")
    found["recipe"] = [0, [look.values.tolist(), reading.vectors("vision.2").tolist()], ""]
from vlmtui.tui.state.lens_choice import overlays
found["overlays"] = [0, ",".join(one.name for one in overlays()), ""]
from vlmtui.tui.actions.key_table import help_rows
found["keys"] = [0, repr(help_rows()), ""]
print(json.dumps(found))
"""
RECIPE_LENS = "kurtosis"
KINDS = {
    "scalars": "Scalars",
    "colours": "Colours",
    "words": "Words",
    "layer_words": "LayerWords",
    "token_maps": "TokenMaps",
    "matrix": "Matrix",
    "scores": "Scores",
    "facts": "Facts",
}
DRAWN = {"scalars", "colours", "token_maps"}
TABLED = {"scalars", "colours", "words"}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[object]]:
    """What every front end of the copy says, from one process and one session."""
    folder = tmp_path_factory.mktemp("copy")
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    env = os.environ | {"PYTHONPATH": str(copied(folder)), "XDG_RUNTIME_DIR": str(runtime)}
    start = [sys.executable, "-P", "-m", "vlmtui", "session", "start"]
    begun = subprocess.run(start, env=env, capture_output=True, text=True, check=False)
    assert begun.returncode == 0, begun.stderr
    names = ",".join([RECIPE_LENS, *(f"new-{name.replace('_', '-')}" for name in BODIES)])
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", DRIVER, str(IMAGE), names],
            env=env,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        subprocess.run(
            [sys.executable, "-P", "-m", "vlmtui", "session", "stop"], env=env, check=False, capture_output=True
        )
    assert done.returncode == 0, done.stderr
    result: dict[str, list[object]] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize(
    ("name", "kind"), [(RECIPE_LENS, "scalars"), *((f"new-{kind.replace('_', '-')}", kind) for kind in BODIES)]
)
def test_a_lens_of_each_kind_is_in_every_front_end(found: dict[str, list[object]], name: str, kind: str) -> None:
    assert KINDS.keys() == BODIES.keys()
    assert name in str(found["lenses"][1])
    assert name in "".join(str(found["help"][1]).split())  # a line may end within a name
    assert found[f"{name} python"][1] == KINDS[kind]
    of_answer = kind == "token_maps"  # a way to look at the answer, by `v`, and no overlay
    assert (name in str(found["overlays"][1]).split(",")) != of_answer
    assert name in str(found["keys"][1]) or not of_answer  # `o` goes on in the list of overlays
    wrong, overlay, attribution = found[f"{name} explorer"]
    assert (wrong, attribution if of_answer else overlay) == (0, name)
    for kind_of_file in ("text", "json", "html"):
        status, out, err = found[f"{name} {kind_of_file}"]
        assert status == 0, err
        assert name in str(out)
    for kind_of_file in ("csv", "parquet"):
        status, _, err = found[f"{name} {kind_of_file}"]
        assert (status == 0) == (kind in TABLED), err
    for kind_of_file in ("png", "ansi", "gif"):
        status, _, err = found[f"{name} {kind_of_file}"]
        assert (status == 0) == (kind in DRAWN or (kind == "words" and kind_of_file != "gif")), err
        assert status in (0, 2)


def test_the_recipe_s_lens_gives_the_kurtosis_of_scipy(found: dict[str, list[object]]) -> None:
    values, vectors = map(np.asarray, found["recipe"][1])  # type: ignore[call-overload]
    expected = stats.kurtosis(vectors, axis=-1, fisher=False)
    assert (values.shape, expected.shape) == ((196,), (14, 14))
    np.testing.assert_allclose(values, expected.ravel(), rtol=1e-3)


def test_the_recipe_s_own_test_passes_and_its_page_is_whole(tmp_path: Path) -> None:
    copy = copied_with_recipe(tmp_path)
    copy_documents(copy)
    update_docs_in(copy, RECIPE)
    (test,) = (path for path in RECIPE.files if path.parts[0] == "tests")
    done = pytest_in(copy, str(test), "tests/docs/test_lenses.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "kurtosis" in (copy / "docs/explorer.md").read_text("utf-8"), "among the overlays"
    assert "[`kurtosis`](docs/lenses/kurtosis.md)" in (copy / "README.md").read_text()


def test_reports_hold_what_the_lenses_found(found: dict[str, list[object]]) -> None:
    def report(kind: str) -> dict[str, object]:
        whole: dict[str, object] = json.loads(str(found[f"new-{kind} json"][1]))
        return whole

    def token(kind: str, at: int = 0) -> dict[str, object]:
        tokens = report(kind)["tokens"]
        assert isinstance(tokens, list)
        one: dict[str, object] = tokens[at]
        return one

    assert token("scalars", 7)["value"] == 7.0
    assert token("colours", 0)["value"] == [0.0, 1.0, 0.5]
    words = token("words", 3)["words"]
    assert isinstance(words, list)
    assert [(word["text"], word["score"], word["id"]) for word in words] == [
        ("first3", 2.0, None),
        ("second", 1.0, None),
    ]
    assert token("facts")["facts"] == {"entry": 46, "colour": "red", "share": 0.125}
    maps = token("token-maps", 2)["maps"]
    assert isinstance(maps, list)
    assert maps[:2] == pytest.approx([0.002, 1.002])
    assert report("matrix")["lens"] == {
        "kind": "matrix",
        "axes": ["layer", "head"],
        "values": [[0.5, 1.5, 2.5], [3.5, 4.5, 5.5]],
    }
    scores = {"kind": "scores", "scores": [{"label": "a cat", "score": 0.75}, {"label": "a dog", "score": 0.25}]}
    assert report("scores")["lens"] == scores
    layers = token("layer-words")["layers"]
    assert isinstance(layers, dict)
    assert [stage["words"][0]["text"] for stage in layers["stages"]] == ["layer1", "layer2"]


def test_what_is_added_is_a_folder_and_a_line(tmp_path: Path) -> None:
    copy, package = copied(tmp_path) / "vlmtui", copied_with_recipe(tmp_path / "bare") / "vlmtui"
    RECIPE.remove(package.parent)
    new = {path.relative_to(copy) for path in copy.rglob("*.py")} - {
        path.relative_to(package) for path in package.rglob("*.py")
    }
    of_recipe = {path.relative_to("vlmtui") for path in RECIPE.files if path.parts[0] == "vlmtui"}
    assert of_recipe == {Path("lenses") / RECIPE_LENS / name for name in ("__init__.py", "compute.py")}
    assert new == {Path("lenses") / f"new_{kind}" / "__init__.py" for kind in BODIES} | of_recipe
    changed = [
        path.relative_to(package)
        for path in package.rglob("*.py")
        if "weights" not in path.parts and path.read_bytes() != (copy / path.relative_to(package)).read_bytes()
    ]
    assert changed == [Path("lenses/registry.py")]
    before = (package / "lenses/registry.py").read_text().splitlines()
    after = (copy / "lenses/registry.py").read_text().splitlines()
    assert len(after) - len(before) == len(BODIES) + 1
