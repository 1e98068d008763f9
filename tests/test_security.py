"""SECURITY.md, where the source itself tells: nothing that is read is run as code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from vlmtui.session.daemon import session_environment

ROOT = Path(__file__).parents[1]
PICKLES = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
RUNS = {"eval", "exec", "execfile", "os.system", "os.popen", "torch.load", "pandas.read_pickle"}


def dotted(node: ast.expr) -> str:
    """`torch.load` for that expression; "" for one that is no dotted name."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            before = dotted(value)
            return f"{before}.{name}" if before else ""
    return ""


def faults(tree: ast.AST) -> Iterator[str]:
    """What in a module could run what it reads."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (f"import {one.name}" for one in names if one.name.partition(".")[0] in PICKLES)
            case ast.ImportFrom(module=str(module), names=names):
                if module.partition(".")[0] in PICKLES:
                    yield f"from {module}"
                yield from (f"from {module} import {one.name}" for one in names if f"{module}.{one.name}" in RUNS)
            case ast.Call(func=function, keywords=keywords):
                if dotted(function) in RUNS:
                    yield dotted(function)
                given = {one.arg: one.value for one in keywords}
                for name in ("shell", "allow_pickle"):
                    if name in given and not (isinstance(given[name], ast.Constant) and not given[name].value):  # type: ignore[attr-defined]
                        yield name


def sources() -> Iterator[tuple[str, ast.Module]]:
    """The modules of the package."""
    for path in sorted(ROOT.glob("vlmtui/**/*.py")):
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text("utf-8"))


def test_nothing_runs_what_it_reads() -> None:
    found = {name: there for name, tree in sources() if (there := list(faults(tree)))}
    assert found == {}


def test_remote_code_is_off_in_every_call() -> None:
    calls = [
        (name, node)
        for name, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "from_pretrained"
        # a class that transformers itself defines runs no other code
        and dotted(node.func.value) != "ViTImageProcessorPil"
    ]
    assert len(calls) >= 5
    for name, call in calls:
        given = {one.arg: ast.unparse(one.value) for one in call.keywords}
        assert given.get("trust_remote_code") == "False", f"{name}:{call.lineno}"


def test_no_compiled_code_of_the_hub_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = [node for _, tree in sources() for node in ast.walk(tree) if isinstance(node, ast.Call)]
    given = [{one.arg: ast.unparse(one.value) for one in call.keywords} for call in calls]
    of_weights = [one for one in given if "state_dict" in one and "local_files_only" in one]
    assert [one.get("use_kernels") for one in of_weights] == ["False"]
    monkeypatch.setenv("USE_HUB_KERNELS", "YES")
    assert session_environment()["USE_HUB_KERNELS"] == "NO"


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from joblib import load",
        "from torch import load",
        "import torch\ntorch.load(file)",
        "eval(text)",
        "subprocess.run(text, shell=True)",
        "np.load(file, allow_pickle=True)",
        "np.load(file, allow_pickle=chosen)",
    ],
)
def test_faults_are_found(code: str) -> None:
    assert list(faults(ast.parse(code)))


def test_what_is_no_fault_is_none() -> None:
    assert not list(faults(ast.parse("model.eval()\nnp.save(file, allow_pickle=False)\nsubprocess.run(words)")))
