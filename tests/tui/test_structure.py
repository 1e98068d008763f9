"""How the explorer is laid out: of parts that know neither the screen nor the application, and no ladder of classes."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TUI = ROOT / "vlmtui" / "tui"
FILES = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in sorted(TUI.rglob("*.py"))}
TREES = {name.removesuffix(".__init__"): ast.parse(path.read_text("utf-8")) for name, path in FILES.items()}
PURE = ("vlmtui.tui.state", "vlmtui.tui.requests", "vlmtui.tui.needs", "vlmtui.tui.navigation", "vlmtui.tui.go_to")
OF_THE_WHOLE = {"vlmtui.tui.app", "vlmtui.tui.launch", "vlmtui.tui.actions.palette", "vlmtui.tui.screens.explorer"}
"""Those that make the screen or the application; no other part has either."""


def imported(name: str) -> set[str]:
    """The modules that a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {one for one in inner if one in TREES} or {node.module}
    return found


def test_no_class_has_more_than_one_ancestor_in_the_package() -> None:
    bases: dict[str, list[str]] = {}
    for tree in TREES.values():
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                names = [base.value if isinstance(base, ast.Subscript) else base for base in node.bases]
                bases[node.name] = [one.id for one in names if isinstance(one, ast.Name)]

    def ancestors(name: str) -> set[str]:
        own = {base for base in bases.get(name, []) if base in bases}
        return own.union(*(ancestors(base) for base in own))

    assert {name: ancestors(name) for name in bases if len(ancestors(name)) > 1} == {}


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {name: imported(name) & TREES.keys() - {name} for name in TREES}
    seen: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " → ".join((*path[path.index(name) :], name))
        if name not in seen:
            for other in sorted(graph[name]):
                visit(other, (*path, name))
            seen.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("name", [name for name in TREES if name.startswith(PURE)])
def test_state_and_requests_know_no_textual(name: str) -> None:
    assert not {one for one in imported(name) if one.split(".")[0] == "textual"}
    inside = {one for one in imported(name) if one.startswith("vlmtui.tui")}
    assert {one for one in inside if not one.startswith(PURE)} == set()


def test_no_part_knows_the_explorer_or_the_application() -> None:
    whole = {"vlmtui.tui.app", "vlmtui.tui.screens.explorer"}
    assert {name for name in TREES if imported(name) & whole} <= OF_THE_WHOLE


def test_a_class_name_is_used_once_and_no_file_is_long() -> None:
    names = [
        node.name
        for tree in TREES.values()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    assert sorted(names) == sorted(set(names))
    assert {name: lines for name, path in FILES.items() if (lines := path.read_text("utf-8").count("\n")) > 400} == {}


def test_messages_are_few() -> None:
    messages = [node for node in TREES["vlmtui.tui.messages"].body if isinstance(node, ast.ClassDef)]
    assert len(messages) <= 12
