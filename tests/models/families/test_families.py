"""Every family: tokens, norms and places against the whole model, loaded and run by transformers alone.

The last test makes the table of families in the documentation from the same measurements. Of families that are put
together as another is one shape is tested; their boxes, other shapes and lines with `VLMTUI_FAMILIES=all` only.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from transformers import AutoProcessor

from tests.docs.blocks import DOCS, block, check_block, markdown_table
from tests.families import DISTINCT, EVERY, FAMILIES, LACKING
from tests.families.base import Family
from tests.families.pictures import picture
from tests.families.places import Boxes, Changed, faults, side_of, squares
from tests.families.reference import WholeModel
from vlmtui.geometry import Grid, Place
from vlmtui.images.decoding import RgbImage
from vlmtui.models.families import registry
from vlmtui.models.vlm import VisionLanguageModel

CASES = [
    (name, shape)
    for name, family in FAMILIES.items()
    for shape in ([*family.shapes] if name in DISTINCT else [*family.shapes][:1])
]
_ELSEWHERE = [pytest.param(name, "wide", marks=pytest.mark.skip(reason=why)) for name, why in LACKING.items()]
BOX_CASES = [*((name, shape) for name, shape in CASES if name in DISTINCT), *_ELSEWHERE]
EVERY_CASE = [*CASES, *_ELSEWHERE]
# transformers' PaliGemma processor, under NumPy 2
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.mark.parametrize("name", FAMILIES)
def test_a_tiny_checkpoint_is_small_and_whole(name, folders):
    folder = folders(name, False)
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < 2_000_000
    files = {file.name for file in folder.iterdir()}
    assert files >= {"config.json", "model.safetensors"}
    assert files & {"preprocessor_config.json", "processor_config.json"}
    assert ("chat_template.jinja" in files) == FAMILIES[name].chat
    if FAMILIES[name].has_processor:
        AutoProcessor.from_pretrained(folder)


@pytest.mark.parametrize(("name", "shape"), EVERY_CASE)
def test_tokens_are_what_the_first_decoder_layer_receives(name, shape, held, truth):
    family, model, true = FAMILIES[name], held(name), truth(name, shape)
    encoded = model.encode(model.prepare(picture(*family.shapes[shape]), None))
    if not family.has_tokens:
        assert encoded.tokens is None or len(encoded.tokens) == 0
        return
    assert len(encoded.tokens) == len(true.tokens) == true.places
    torch.testing.assert_close(encoded.tokens, true.tokens, rtol=1e-5, atol=1e-5 * float(true.tokens.abs().max()))
    # in an order that matters: no two tokens are near each other (newlines are equal)
    assert len(true.tokens.unique(dim=0)) > 1


@pytest.mark.parametrize(("name", "shape"), EVERY_CASE)
def test_norms_are_those_of_the_hidden_states(name, shape, held, truth):
    family, model, true = FAMILIES[name], held(name), truth(name, shape)
    encoded = model.encode(model.prepare(picture(*family.shapes[shape]), None))
    assert len(encoded.norms) == len(true.tiles)
    for ours, tile in zip(encoded.norms, true.tiles, strict=True):
        assert ours.patches.dtype == torch.float32
        assert ours.patches.shape[0] == model.info.vision_layers + 1
        assert ours.prefix.shape[1] == family.prefix
        torch.testing.assert_close(ours.patches.double(), tile.patches.double().norm(dim=-1), rtol=1e-5, atol=0)
        torch.testing.assert_close(ours.prefix.double(), tile.prefix.double().norm(dim=-1), rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", FAMILIES)
def test_words_are_compared_with_what_text_tokens_bring(name, held, folders):
    family, model = FAMILIES[name], held(name)
    if family.tower_only:
        assert model.embeddings is None
        assert model.info.embeddings is None
    if not family.has_tokens:
        return
    whole = WholeModel(folders(name, False), family).model
    rows = [5, 260, 300]
    with torch.no_grad():
        true = whole.get_input_embeddings()(torch.tensor(rows))
    # Granite's decoder scales what it is given
    true *= getattr(whole.config.get_text_config(), "embedding_multiplier", 1.0)
    torch.testing.assert_close(model.embeddings[rows], true, rtol=1e-6, atol=0)


def _boxes(places: Sequence[Place]) -> Boxes:
    return np.array([place.box or (np.nan,) * 4 for place in places], dtype=np.float64).reshape(-1, 4)


def _reach(places: Sequence[Place], grids: Sequence[Grid], patch: int, family: Family, edge: int) -> Boxes:
    """How far beyond its box a token may see, [places, 2]: the resize filters' reach at its grid's scale.

    `edge` is the picture's longest.
    """
    reach = {}
    # Idefics3 resizes as a whole, then to the tiles' sides, then once more for the view of it all
    before = 2 * family.support * max(1.0, edge / family.first_edge) if family.first_edge else 0.0
    for grid in grids:
        if grid.patch_cols:
            # what is clipped makes patches look smaller, so the largest tell the scale
            mine = [p.box for p in places if p.grid == grid.id and p.box]
            wide = max((b[2] - b[0] for b in mine), default=0.0)
            tall = max((b[3] - b[1] for b in mine), default=0.0)
            reach[grid.id] = tuple(before + family.support * max(1.0, size / patch) + 1.5 for size in (wide, tall))
    most = tuple(max(values) for values in zip(*reach.values(), strict=True))
    return np.array([reach.get(place.grid, most) for place in places], dtype=np.float64)


def _watch(model: VisionLanguageModel, image: RgbImage, look: Callable[[object], np.ndarray]) -> Changed:
    """Which rows of `look(encoded)` are others when a square of the picture turns black or white."""
    before = look(model.encode(model.prepare(image, None)))

    def changed(x: int, y: int, side: int) -> np.ndarray:
        pixels = image.rgb.copy()
        square = pixels[y : y + side, x : x + side]
        square[...] = 0 if square.mean() > 127 else 255
        after = look(model.encode(model.prepare(RgbImage(pixels), None)))
        # a mixture of experts multiplies other batches, and rounds otherwise
        return (np.abs(after - before) > 1e-6 * np.abs(before).max()).any(axis=-1)

    return changed


def _tokens(encoded) -> np.ndarray:
    return encoded.tokens.numpy()


def _patches(encoded) -> np.ndarray:
    return torch.cat([tile.patches for tile in encoded.norms], dim=1).T.numpy()


def _faults(name, shape, held, mutate=lambda boxes: boxes) -> tuple[list[str], list[str]]:
    """Faults of the tokens' boxes and of the patches', after `mutate`."""
    family, model = FAMILIES[name], held(name, True)
    if model.family.mixed_patches:
        return [], []
    # the further colours are carried, the fewer squares tell two neighbours apart
    tries = 16 if family.first_edge else 8
    size = family.shapes[shape]
    image = picture(*size)
    inputs = model.prepare(image, None)
    encoded = model.encode(inputs)
    layout = model.layout(image, inputs, encoded)
    patch_reach = _reach(layout.patch_places, layout.grids, model.family.patch_size[0], family, max(size))
    of_patches = faults(
        squares(mutate(_boxes(layout.patch_places)), patch_reach, size, tries),
        side_of(size),
        _watch(model, image, _patches),
    )
    placed = [place for place in layout.places if place.kind != "query"]
    if not placed:
        return [], of_patches
    # a token sees as far beyond its box as the patches at the box's edge do
    by_grid = {place.grid: reach for place, reach in zip(layout.patch_places, patch_reach, strict=True)}
    reach = np.array([by_grid.get(place.grid, patch_reach.max(axis=0)) for place in placed])
    of_tokens = faults(
        squares(mutate(_boxes(placed)), reach, size, tries), side_of(size), _watch(model, image, _tokens)
    )
    return of_tokens, of_patches


@pytest.fixture(scope="session")
def box_faults(held):
    """The faults of a family's boxes at a shape, found once."""
    return functools.cache(lambda name, shape: _faults(name, shape, held))


@pytest.mark.parametrize(("name", "shape"), BOX_CASES)
def test_pixels_in_a_box_change_its_token_and_no_other(name, shape, box_faults):
    of_tokens, of_patches = box_faults(name, shape)
    assert not of_patches
    assert not of_tokens


def _shifted(boxes: Boxes) -> Boxes:
    """Half a patch to the right."""
    wide = np.nanmedian(boxes[:, 2] - boxes[:, 0])
    return boxes + np.array([wide / 2, 0, wide / 2, 0])


def _swapped(boxes: Boxes) -> Boxes:
    """The first quarter of them where the last is: as tiles in another order."""
    part = len(boxes) // 4
    return np.concatenate([boxes[-part:], boxes[part:-part], boxes[:part]])


def _turned(boxes: Boxes) -> Boxes:
    """Rows and columns confused."""
    return boxes[:, [1, 0, 3, 2]]


@pytest.mark.parametrize("name", ["llava", "llava_next", "llava_onevision", "idefics3", "internvl", "qwen2_5_vl"])
@pytest.mark.parametrize("mutate", [_shifted, _swapped, _turned])
def test_wrong_boxes_are_noticed(name, mutate, held):
    of_tokens, of_patches = _faults(name, "wide", held, mutate)
    assert of_tokens
    assert of_patches


@pytest.mark.parametrize(("name", "shape"), EVERY_CASE)
def test_places_and_grids_add_up(name, shape, held, truth):
    family, model, true = FAMILIES[name], held(name), truth(name, shape)
    size = family.shapes[shape]
    image = picture(*size)
    inputs = model.prepare(image, None)
    encoded = model.encode(inputs)
    layout = model.layout(image, inputs, encoded)

    assert [place.index for place in layout.places] == list(range(true.places if family.has_tokens else 0))
    assert [grid.id for grid in layout.grids] == list(range(len(layout.grids)))
    for tile, grid in zip(true.tiles, layout.grids, strict=False):
        assert (grid.patch_rows, grid.patch_cols) == tile.shape
    shapes = [tile.shape for tile in true.tiles]
    assert [(p.grid, p.row, p.col, p.patches) for p in layout.patch_places] == [
        (i, n // cols, n % cols, (n,)) for i, (rows, cols) in enumerate(shapes) for n in range(rows * cols)
    ]
    for place in (*layout.places, *layout.patch_places):
        assert 0 <= place.inside <= 1
        assert (place.box is None) == (place.inside == 0)
        if place.box:
            x0, y0, x1, y1 = place.box
            assert 0 <= x0 < x1 <= size[0]
            assert 0 <= y0 < y1 <= size[1]
    _kinds_add_up(family.tokens, layout.places)
    _grids_add_up(family.tokens, layout.places, layout.grids)
    for places in (layout.places, layout.patch_places):
        _boxes_do_not_overlap(places, [grid for grid in layout.grids if grid.patch_rows])


def _kinds_add_up(kind: str, places: Sequence[Place]) -> None:
    kinds = {place.kind for place in places}
    assert kinds == {"none": set(), "newline": {"patch", "newline"}, "query": {"query"}}.get(kind, {"patch"})
    for place in places:
        if place.kind != "patch":
            assert (place.grid, place.row, place.col, place.box, place.patches) == (None, None, None, None, ())


def _grids_add_up(kind: str, places: Sequence[Place], grids: Sequence[Grid]) -> None:
    for grid in grids:
        mine = [place for place in places if place.grid == grid.id]
        spots = [(place.row, place.col) for place in mine]
        assert len(set(spots)) == len(spots)
        assert all(0 <= row < grid.rows and 0 <= col < grid.cols for row, col in spots)
        used = [n for place in mine for n in place.patches]
        assert len(set(used)) == len(used)
        assert all(0 <= n < grid.patch_rows * grid.patch_cols for n in used)
        if kind in ("patch", "merged"):
            assert spots == [(row, col) for row in range(grid.rows) for col in range(grid.cols)]
            assert sorted(used) == list(range(grid.patch_rows * grid.patch_cols))


def _boxes_do_not_overlap(places: Sequence[Place], grids: Sequence[Grid]) -> None:
    for grid in grids:
        boxes = _boxes([place for place in places if place.grid == grid.id and place.box][:1000])
        low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
        high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
        overlap = np.clip(high - low, 0, None).prod(axis=-1)
        np.fill_diagonal(overlap, 0)
        assert overlap.max(initial=0) < 1e-6 * (boxes[:, 2:] - boxes[:, :2]).prod(axis=-1).max(initial=1)


def _row(name, held, truth, box_faults) -> list[str]:
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
        wrong += sum(map(len, box_faults(name, shape)))
    side = max(made_of - {0}, default=0) ** 0.5
    kind = {
        "patch": "a patch",
        "merged": f"{side:.0f}×{side:.0f} patches",
        "overlapping": "a window of patches that overlaps the next",
        "windows": "a window of patches, of one crop or several",
        "newline": "a patch, or a row's newline",
        "query": "a query that reads all patches",
        "none": "",
    }[family.tokens]
    if name == "mllama":
        kind = "none: cross-attention"
    if model.family.mixed_patches:
        kind = "a patch that convolutions have mixed with others; their mean"
    return [
        family.title or model.family.title,
        kind,
        "yes" if pages > 1 else "",
        f"{right} of {tokens}" if tokens else "",
        f"{norms_right} of {norms}",
        "" if model.family.mixed_patches else str(wrong),
    ]


def test_the_documentation_says_what_is_measured(held, truth, box_faults):
    order = list(registry.FAMILIES)
    types = {name: held(name).info.family if name in FAMILIES else name for name in EVERY}
    names = sorted(EVERY, key=lambda name: order.index(types[name]))
    head = "family", "an image token is", "tiles", "tokens right", "norms right", "boxes wrong"
    if len(block(DOCS / "models.md", "families").strip().splitlines()) - 2 > len(EVERY):
        pytest.skip("the installed transformers lacks some of the families")
    there = {line.split(" | ")[0]: line for line in block(DOCS / "models.md", "families").splitlines()}
    rows = []
    for name in names:
        title = EVERY[name].title or registry.family_class(types[name]).title
        if name in DISTINCT:
            rows.append(_row(name, held, truth, box_faults))
            assert rows[-1][0] == title
        else:  # as it was measured when all were
            rows.append(there[f"| {title}"].strip("| ").split(" | "))
    check_block(DOCS / "models.md", "families", markdown_table(head, rows))
