"""A lens stands in one place: nothing outside `lenses/` decides by a lens's name, or imports a single one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from vlmtui.lenses.registry import FOLDERS, built_in

PACKAGE = Path(__file__).parents[2] / "vlmtui"
WRAPPERS = ("session/typed/", "values.py")
"""Files whose matter it is to call a built-in lens by its own name and type."""

KEYS = {
    "reports/json.py": "keys of vlmtui/report/1",
}
"""Files that write words which are keys of a schema, or options of a command, and happen to be names of lenses too."""


def literals(tree: ast.AST) -> Iterator[ast.Constant]:
    """The strings that something is compared with, matched by, looked up under or listed as."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, comparators=comparators):
                some: list[ast.expr | None] = [left, *comparators]
            case ast.MatchValue(value=value):
                some = [value]
            case ast.Dict(keys=keys):
                some = list(keys)
            case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
                some = list(elements)
            case ast.Subscript(slice=inner, value=ast.Name(id="Literal")):
                some = list(inner.elts) if isinstance(inner, ast.Tuple) else [inner]
            case _:
                continue
        yield from (one for one in some if isinstance(one, ast.Constant) and isinstance(one.value, str))


def outside() -> Iterator[tuple[str, ast.Module]]:
    """Every module of the package that is no lens, by its path."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if not name.startswith("lenses/"):
            yield name, ast.parse(path.read_text())


def test_no_name_of_a_lens_is_decided_by_outside_its_room() -> None:
    names, found, files = set(built_in()), [], 0
    for name, tree in outside():
        files += 1
        if name in KEYS or name.startswith(WRAPPERS):
            continue
        found += sorted({f"{name}:{one.lineno}: {one.value!r}" for one in literals(tree) if one.value in names})
    print(f"{len(names)} lenses, {files} files outside their rooms, {len(KEYS)} of them with keys of a schema")
    assert files > 200
    assert not found, "\n".join(found)


def test_files_with_keys_are_still_there_and_have_some() -> None:
    names = set(built_in())
    for name in KEYS:
        assert any(one.value in names for one in literals(ast.parse((PACKAGE / name).read_text()))), name


def test_nothing_imports_a_single_lens() -> None:
    rooms = {f"vlmtui.lenses.{folder}" for folder in FOLDERS}
    found = []
    for name, tree in outside():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                modules = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            else:
                continue
            found += [f"{name}:{node.lineno}: {one}" for one in modules if ".".join(one.split(".")[:3]) in rooms]
    assert not [one for one in found if not one.startswith(WRAPPERS)], "\n".join(found)
