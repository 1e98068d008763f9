"""The table of families in the documentation, made anew from what is measured here."""

from __future__ import annotations

import pytest
import torch

from tests.docs.blocks import DOCS, check_block, markdown_table
from tests.families import FAMILIES
from tests.families.pictures import picture
from tests.models.families.test_families import CASES, _faults
from vlmtui.models.families import registry

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def row(name, held, truth) -> list[str]:
    """A family's line: what a token is made of, and how many things measured at three shapes were right."""
    family, model = FAMILIES[name], held(name)
    tokens = right = norms = norms_right = wrong = 0
    made_of: set[int] = set()
    pages = 1
    for shape, size in family.shapes.items():
        image, true = picture(*size), truth(name, shape)
        inputs = model.prepare(image, None)
        encoded = model.encode(inputs)
        layout = model.layout(image, inputs, encoded)
        made_of |= {len(place.patches) for place in layout.places if place.kind == "patch"}
        pages = max(pages, len(layout.grids))
        if family.has_tokens:
            near = torch.isclose(encoded.tokens, true.tokens, rtol=1e-5, atol=1e-5 * float(true.tokens.abs().max()))
            tokens, right = tokens + len(true.tokens), right + int(near.all(dim=1).sum())
        for ours, tile in zip(encoded.norms, true.tiles, strict=True):
            reference = tile.patches.double().norm(dim=-1)
            close = torch.isclose(ours.patches.double(), reference, rtol=1e-5)
            norms, norms_right = norms + close.numel(), norms_right + int(close.sum())
        wrong += sum(map(len, _faults(name, shape, held)))
    side = max(made_of - {0}, default=0) ** 0.5
    kind = {
        "patch": "a patch",
        "merged": f"{side:.0f}×{side:.0f} patches",
        "newline": "a patch, or a row's newline",
        "query": "a query that reads all patches",
        "none": "",
    }[family.tokens]
    if name == "mllama":
        kind = "none: cross-attention"
    return [
        family.title or model.family.title,
        kind,
        "yes" if pages > 1 else "",
        f"{right} of {tokens}" if tokens else "",
        f"{norms_right} of {norms}",
        str(wrong),
    ]


def test_the_documentation_says_what_is_measured(held, truth):
    assert {name for name, _ in CASES} == set(FAMILIES)
    order = list(registry.FAMILIES)
    names = sorted(FAMILIES, key=lambda name: order.index(held(name).info.family))
    head = "family", "an image token is", "tiles", "tokens right", "norms right", "boxes wrong"
    check_block(DOCS / "models.md", "families", markdown_table(head, [row(name, held, truth) for name in names]))
