"""Packaging: what pyproject.toml, the pinned sets, messages and docs say of dependencies, held against the imports."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions, version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from vlmtui import __version__

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = {name: frozenset(needs) for name, needs in PROJECT["optional-dependencies"].items() if name != "test"}
RUN, TEST = "requirements.txt", "requirements-test.txt"
LOADED_BY_OTHERS = {"protobuf", "python-multipart", "sentencepiece"}
"""Dependencies that no module imports: transformers reads tokenizers with two, Starlette reads forms with one."""


def pins(name: str) -> dict[str, str]:
    """Versions by package in a file of pinned requirements, without the files that it includes."""
    lines = [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith(("#", "-"))]
    found = {canonicalize_name(package): version for package, _, version in (line.partition("==") for line in lines)}
    assert len(found) == len(lines)
    return found


def closure(requirements: Iterable[str]) -> set[str]:
    """Packages that these requirements bring in here, theirs with them, by the metadata of what is installed."""
    waiting, seen = [Requirement(one) for one in requirements], set()
    while waiting:
        one = waiting.pop()
        asked = (canonicalize_name(one.name), frozenset(one.extras))
        if asked in seen:
            continue
        seen.add(asked)
        for text in distribution(one.name).requires or []:
            needed = Requirement(text)
            extras = {"", *one.extras}
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(needed)
    return {name for name, _ in seen}


def installed_version(name: str) -> str:
    """The version of a package that is installed here, "" where it is not, without what marks a build (`+cpu`)."""
    try:
        return version(name).partition("+")[0]
    except PackageNotFoundError:
        return ""


def named_extras() -> Iterator[tuple[str, str]]:
    """Every extra that code, messages and docs name, with its file."""
    kinds = ("*.md", "docs/**/*.md", "examples/**/*.md", "vlmtui/**/*.py", "vlmtui/**/*.md", "vlmtui/**/Dockerfile")
    for path in sorted(path for kind in kinds for path in ROOT.glob(kind)):
        for names in re.findall(r"(?:vlmtui|'\.)\[([\w\-, ]+)\]", path.read_text()):
            yield from ((name.strip(), str(path.relative_to(ROOT))) for name in names.split(","))


def imported_packages() -> set[str]:
    """Names of the packages from elsewhere that the modules of vlmtui import, at any time."""
    found = set()
    for path in ROOT.glob("vlmtui/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"vlmtui"}


def test_extras_that_are_named_exist() -> None:
    named = list(named_extras())
    assert {name for name, _ in named} >= {"ray", "chinese", "torchvision", "bitsandbytes"}
    assert [(name, file) for name, file in named if name not in EXTRAS] == []


def test_readme_names_every_extra() -> None:
    (sentence,) = re.findall(r"^Extras, .*?\n\n", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", sentence)) == EXTRAS.keys()


def test_all_is_every_extra_but_torchvision() -> None:
    (together,) = EXTRAS["all"]
    assert Requirement(together).extras == EXTRAS.keys() - {"all", "torchvision"}


def test_declared_dependencies_are_those_imported() -> None:
    declared = {canonicalize_name(Requirement(one).name) for one in PROJECT["dependencies"]}
    owners = packages_distributions()
    imported = {canonicalize_name(owners[name][0]) for name in imported_packages() - {"peft", "pillow_heif", "ray"}}
    assert imported | LOADED_BY_OTHERS == declared


def test_run_time_pins_are_what_running_needs() -> None:
    pinned = pins(RUN)
    for one in map(Requirement, PROJECT["dependencies"]):
        assert one.specifier.contains(pinned[canonicalize_name(one.name)])
    others = [name for name, pin in pinned.items() if installed_version(name) not in (pin, "")]
    if others:
        pytest.skip(f"what the pinned versions need is not known here: {', '.join(others)} have other versions")
    assert pinned.keys() - closure(PROJECT["dependencies"]) == set()


def test_test_pins_begin_with_those_of_run_time() -> None:
    lines = [line for line in (ROOT / TEST).read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == f"-r {RUN}"
    pinned = pins(TEST)
    assert pins(RUN).keys() & pinned.keys() == set()
    for one in map(Requirement, PROJECT["optional-dependencies"]["test"]):
        assert one.specifier.contains(pinned[canonicalize_name(one.name)])


def test_lowest_set_is_the_lower_bounds() -> None:
    bounds = {
        canonicalize_name(one.name): next(part.version for part in one.specifier if part.operator == ">=")
        for one in map(Requirement, PROJECT["dependencies"])
    }
    del bounds["torch"]  # one version of it can be tried
    assert pins("requirements-lowest.txt") == bounds


def test_every_module_imports_without_extras_and_test_packages() -> None:
    needed = closure(PROJECT["dependencies"]) | {"vlmtui"}
    others = [
        name
        for name, owners in packages_distributions().items()
        if name.isidentifier() and not needed & {canonicalize_name(owner) for owner in owners}
    ]
    assert {"pytest", "ray", "duckdb", "pandas"} <= set(others)
    code = (
        "import importlib, pkgutil, sys\n"
        "sys.modules.update(dict.fromkeys(sys.argv[1:]))\n"
        "import vlmtui\n"
        "for one in pkgutil.walk_packages(vlmtui.__path__, 'vlmtui.'):\n"
        "    importlib.import_module(one.name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *others], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_first_commands_of_the_readme_install_the_pinned_sets() -> None:
    first, second, *_ = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    assert f"-r {RUN} " in first
    assert f"-r {TEST} " in second


def test_citation() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["version"] == __version__
    assert cited["license"] == PROJECT["license"]
    assert [one["name"] for one in cited["authors"]] == [one["name"] for one in PROJECT["authors"]]
    assert cited.get("repository-code") == PROJECT.get("urls", {}).get("Repository")
