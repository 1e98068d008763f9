"""A lens stands in one place: nothing outside `lenses/` decides by a lens's name, or imports a single one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from vlmtui.lenses.registry import FOLDERS, built_in_lenses

PACKAGE = Path(__file__).parents[2] / "vlmtui"
WRAPPERS = "session/typed_lenses/"
"""The folder of the typed wrappers, which call built-in lenses by name."""

WORDS = {
    "cli/help.py": ({"vocabulary"}, "the name of a command"),
    "display/outlier_positions.py": ({"position"}, "a verdict on outliers: position, content, both"),
    "reports/commands/attribution.py": ({"attention", "layers", "position"}, "keys of vlmtui/answer/1"),
    "reports/commands/classify.py": ({"classes", "evidence"}, "keys of vlmtui/classify/1"),
    "reports/commands/vocabulary.py": ({"norms"}, "keys of vlmtui/vocabulary/1"),
    "reports/formats/json.py": ({"norms"}, "keys of vlmtui/report/1"),
    "reports/formats/parts/patch_embedding.py": ({"position"}, "keys of a patch's embedding"),
    "reports/page/data.py": ({"norms"}, "keys of the page's data"),
    "reports/select/columns.py": ({"agreement"}, "words of --fields"),
    "query/drawing_options.py": ({"layers", "norms"}, "words of --draw"),
    "query/fields.py": ({"agreement"}, "words of --fields"),
    "models/families/decoder_structure.py": ({"layers"}, "what families call a decoder's layers"),
    "web/uploads.py": ({"similarity"}, "a field of the form"),
    "tui/early_keys.py": ({"find"}, "a name of an action"),
    "tui/panels/patch_text.py": ({"position"}, "what the position ids of an image token are called"),
    "tui/actions/key_groups.py": ({"find", "mask"}, "names of actions"),
}
"""Words that are keys of a schema, or of an option, and happen to be names of lenses too: where, which, and why."""


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
    names, found, files, used = set(built_in_lenses()), [], 0, dict[str, set[str]]()
    for name, tree in outside():
        files += 1
        if name.startswith(WRAPPERS):
            continue
        there = [one for one in literals(tree) if one.value in names]
        allowed, _ = WORDS.get(name, (set(), ""))
        used[name] = {str(one.value) for one in there} & allowed
        found += sorted({f"{name}:{one.lineno}: {one.value!r}" for one in there if one.value not in allowed})
    print(f"{len(names)} lenses; {files} files outside their rooms; {len(WORDS)} with words of a schema or an option")
    assert files > 200
    assert not found, "\n".join(found)
    # nothing is allowed that is not there any more
    assert {name: used[name] for name in WORDS} == {name: allowed for name, (allowed, _) in WORDS.items()}


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
