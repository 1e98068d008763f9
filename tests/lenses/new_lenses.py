"""A lens of each kind and that of CONTRIBUTING.md, for a copy of the package: each costs a folder and a line."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.recipes import recipe

PACKAGE = Path(__file__).parents[2] / "vlmtui"

HEAD = '''"""A lens made for a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import LensOffer, lens

if TYPE_CHECKING:
    from vlmtui.lenses import Colours, Context, Facts, LayerWords, Matrix, Scalars, Scores, TokenMaps, Words

'''

RECIPE = recipe("Add a lens")
BODIES = {
    "scalars": '''
@lens(name="new-scalars", offer=LensOffer(listed=True))
def look(context: Context) -> Scalars:
    """A number an entry."""
    from vlmtui.lenses import Scalars

    return Scalars(range(len(context.entries)), note="counted")
''',
    "colours": '''
@lens(name="new-colours", offer=LensOffer(listed=True))
def look(context: Context) -> Colours:
    """A colour an entry."""
    from vlmtui.lenses import Colours

    many = len(context.entries)
    return Colours([[i / many, 1 - i / many, 0.5] for i in range(many)])
''',
    "words": '''
@lens(name="new-words", offer=LensOffer(listed=True))
def look(context: Context) -> Words:
    """Words an entry."""
    from vlmtui.lenses import Words

    return Words(texts=[[f"first{i}", "second"] for i in context.entries], scores=[[2.0, 1.0] for _ in context.entries])
''',
    "layer_words": '''
@lens(name="new-layer-words", stages=("tokens", "llm"), offer=LensOffer(listed=True))
def look(context: Context) -> LayerWords:
    """Words by layer."""
    from vlmtui.lenses import LayerWords

    return LayerWords(texts=[[[f"layer{i}"] for _ in context.entries] for i in (1, 2)])
''',
    "token_maps": '''
@lens(name="new-token-maps", subject="answer", stages="tokens", offer=LensOffer(listed=True))
def look(context: Context) -> TokenMaps:
    """A map for every token of the answer."""
    from vlmtui.lenses import TokenMaps

    said = context.generation()
    assert said is not None
    return TokenMaps([[row + entry / 1000 for entry in context.entries] for row in range(len(said.ids))])
''',
    "matrix": '''
@lens(name="new-matrix", subject="image", offer=LensOffer(listed=True))
def look(context: Context) -> Matrix:
    """Numbers along named axes."""
    from vlmtui.lenses import Matrix

    return Matrix([[0.5, 1.5, 2.5], [3.5, 4.5, 5.5]], axes=("layer", "head"))
''',
    "scores": '''
@lens(name="new-scores", subject="image", offer=LensOffer(listed=True))
def look(context: Context) -> Scores:
    """Scores of the whole image."""
    from vlmtui.lenses import Scores

    return Scores({"a dog": 0.25, "a cat": 0.75})
''',
    "facts": '''
@lens(name="new-facts", offer=LensOffer(listed=True))
def look(context: Context) -> Facts:
    """Facts about one entry."""
    from vlmtui.lenses import Facts

    (entry,) = context.entries
    return Facts({"entry": entry, "colour": "red", "share": 0.125})
''',
}


def copied_with_recipe(into: Path) -> Path:
    """The package copied with the recipe's lens, its test and its page; its folder."""
    package = into / "vlmtui"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__", "weights"))
    (package / "demo" / "weights").symlink_to(PACKAGE / "demo" / "weights")
    RECIPE.apply(into)
    return into


def copied(into: Path) -> Path:
    """The package copied with the recipe's lens and one of each kind: a folder and a line each; its folder."""
    package = copied_with_recipe(into) / "vlmtui"
    registry = package / "lenses" / "registry.py"
    text = registry.read_text()
    for name, body in BODIES.items():
        folder = package / "lenses" / f"new_{name}"
        folder.mkdir()
        (folder / "__init__.py").write_text(HEAD + body)
        text = text.replace('    "similarity",\n', f'    "similarity",\n    "new_{name}",\n')
    registry.write_text(text)
    return into
