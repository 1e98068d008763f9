"""Structure of the package, read from the syntax tree: import circles, class names, lengths of files, rooms of tests.

`vlmtui/tui` is not measured. An import counts wherever it stands outside a function: at module level, in a class, in
`try`, under `TYPE_CHECKING`. `from package import name` imports the module `package.name` if there is one, otherwise
`package/__init__.py`. A module also imports the `__init__.py` of every package that its import leads through, except
those of the packages it is in itself: they are under way already.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONGEST = 400
"""Lines of a file."""


@dataclass(frozen=True)
class Module:
    """A file of the package, and the dotted name of the package it is in; an `__init__.py` is in its own."""

    file: str
    package: str
    source: str

    @property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.source)


def modules(root: Path) -> dict[str, Module]:
    """Modules of the package without `tui`, by dotted name."""
    found = {}
    for path in sorted(root.glob("vlmtui/**/*.py")):
        file = path.relative_to(root)
        name, package = ".".join(file.with_suffix("").parts), ".".join(file.parent.parts)
        if file.parts[1] != "tui":
            found[name.removesuffix(".__init__")] = Module(file.as_posix(), package, path.read_text())
    return found


def outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below one, but for functions and what is in them."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from outside_functions(child)


def imported(module: Module) -> Iterator[str]:
    """Dotted names in import statements outside functions: of a module, or of a name in one."""
    for node in outside_functions(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = resolve_name("." * node.level + (node.module or ""), module.package)
            yield from (f"{start}.{alias.name}" for alias in node.names)


def import_graph(package: Mapping[str, Module]) -> dict[str, set[str]]:
    """For each module of the package, the modules of the package that it imports."""
    graph = {}
    for name, module in package.items():
        found = set()
        for target in imported(module):
            target = target if target in package else target.rpartition(".")[0]
            found.add(target)
            while (target := target.rpartition(".")[0]) and not f"{module.package}.".startswith(f"{target}."):
                found.add(target)
        graph[name] = found & package.keys() - {name}
    return graph


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import each other, directly or through others."""

    def reachable(module: str) -> set[str]:
        found, todo = set[str](), [module]
        while todo:
            new = graph[todo.pop()] - found
            found |= new
            todo += new
        return found

    below = {module: reachable(module) for module in graph}
    groups = {frozenset(other for other in below[module] if module in below[other]) for module in graph}
    return sorted(sorted(group) for group in groups if group)


@pytest.fixture(scope="module")
def package() -> dict[str, Module]:
    """The package itself."""
    found = modules(ROOT)
    assert len(found) > 200
    return found


def test_no_import_circle(package: dict[str, Module]) -> None:
    found = circles(import_graph(package))
    print(f"{len(package)} modules without tui; import circles: {len(found)}")
    assert not found, "\n".join(", ".join(circle) for circle in found)


def test_a_class_name_is_used_once(package: dict[str, Module]) -> None:
    files = defaultdict(list)
    for module in package.values():
        for node in module.tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                files[node.name].append(module.file)
    twice = {name: used for name, used in files.items() if len(used) > 1}
    print(f"{len(files)} public class names; used twice: {len(twice)}")
    assert not twice, "\n".join(f"{name}: {', '.join(used)}" for name, used in twice.items())


def test_no_long_file(package: dict[str, Module]) -> None:
    lines = {module.file: len(module.source.splitlines()) for module in package.values()}
    long = {file: number for file, number in lines.items() if number > LONGEST}
    print(f"{sum(lines.values())} lines; files over {LONGEST} lines: {len(long)}")
    assert not long


def test_folders_of_tests_are_rooms_of_the_package() -> None:
    folders = {path.parent.relative_to(ROOT / "tests") for path in ROOT.glob("tests/**/test_*.py")}
    strange = {folder for folder in folders if not any((ROOT / room / folder).is_dir() for room in ("vlmtui", "."))}
    print(f"{len(folders)} folders of tests; without such a room in the package: {len(strange)}")
    assert not strange


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"a": "import vlmtui.b", "b": "import vlmtui.a"}, [["vlmtui.a", "vlmtui.b"]]),
        ({"a": "from .b import X", "b": "if TYPE_CHECKING:\n    from vlmtui.a import Y"}, [["vlmtui.a", "vlmtui.b"]]),
        ({"a": "import vlmtui.b", "b": "def f():\n    import vlmtui.a"}, []),
        # a package's own `__init__`: imported on the way to its modules from outside, by name alone from inside
        ({"p/__init__": "import vlmtui.a", "p/c": "", "a": "from vlmtui.p.c import X"}, [["vlmtui.a", "vlmtui.p"]]),
        ({"p/__init__": "from vlmtui.p.c import X", "p/c": "from vlmtui.p import d", "p/d": ""}, []),
        ({"p/__init__": "from vlmtui.p.c import X", "p/c": "from vlmtui.p import Y"}, [["vlmtui.p", "vlmtui.p.c"]]),
    ],
)
def test_circles_are_found(tmp_path: Path, files: dict[str, str], expected: list[list[str]]) -> None:
    for name, source in files.items():
        file = tmp_path / "vlmtui" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)
    assert circles(import_graph(modules(tmp_path))) == expected
