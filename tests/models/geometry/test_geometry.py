"""Boxes: by perturbing pixels of real pictures, and by where a lit-up box ends up in what the model gets."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from tests.models.test_vlm import held, picture
from tests.tiny_checkpoints import build_llava
from vlmtui.errors import ImageError
from vlmtui.images.decoding import RgbImage
from vlmtui.models.geometry import views as views_module
from vlmtui.models.geometry.layout import Layout, Raster, lay_out
from vlmtui.models.geometry.processor_plan import check_size
from vlmtui.models.geometry.views import TileView, tile_views

PATCH = 8


def processors():
    crop = {"height": 40, "width": 40}
    return {
        "centre crop": CLIPImageProcessorPil(size={"shortest_edge": 40}, crop_size=crop),
        "smaller crop": CLIPImageProcessorPil(size={"shortest_edge": 53}, crop_size=crop),
        "padding crop": CLIPImageProcessorPil(size={"shortest_edge": 27}, crop_size=crop),
        "crop of a fixed size": CLIPImageProcessorPil(size={"height": 45, "width": 60}, crop_size=crop),
        "squash": SiglipImageProcessorPil(size={"height": 40, "width": 40}),
        "oblong": SiglipImageProcessorPil(size={"height": 24, "width": 56}),
        "pad to square": LlavaImageProcessorPil(size={"height": 40, "width": 40}, do_center_crop=False, do_pad=True),
    }


PROCESSORS = processors()


def size_of(name: str) -> tuple[int, int]:
    return (24, 56) if name == "oblong" else (40, 40)


def see(processor):
    return lambda image: list(processor(images=image, return_tensors="np")["pixel_values"])


def view(processor, width: int, height: int, size: tuple[int, int]) -> TileView | None:
    found = tile_views(see(processor), processor, width, height, [size])
    return found[0] if found else None


def raster(seen: TileView, picture: tuple[int, int]) -> Layout:
    rows, cols = seen.size[0] // PATCH, seen.size[1] // PATCH
    of_themselves = np.arange(rows * cols)[:, None]
    return lay_out([Raster(seen, (rows, cols), (PATCH, PATCH))], picture, of_themselves, rows * cols)


def levels(processor, pixels: np.ndarray) -> np.ndarray:
    values = processor(images=Image.fromarray(pixels), return_tensors="np")["pixel_values"][0].astype(float)
    std, mean = np.array(processor.image_std)[:, None, None], np.array(processor.image_mean)[:, None, None]
    return (values * std + mean) * 255


def overlap(start: float, end: float, length: int) -> np.ndarray:
    edges = np.clip(np.arange(length + 1), start, end)
    return np.diff(edges)


@settings(max_examples=150, deadline=None)
@given(
    width=st.integers(1, 300),
    height=st.integers(1, 300),
    name=st.sampled_from(sorted(PROCESSORS)),
    pick=st.integers(0, 10_000),
)
@example(width=1, height=1, name="centre crop", pick=0)
@example(width=7, height=3000, name="centre crop", pick=12)
@example(width=3000, height=7, name="smaller crop", pick=12)
@example(width=7, height=3000, name="pad to square", pick=12)
def test_a_lit_box_lights_its_patch(width, height, name, pick):
    processor, size = PROCESSORS[name], size_of(name)
    seen = view(processor, width, height, size)
    assert seen is not None
    layout = raster(seen, (width, height))
    rows, cols = size[0] // PATCH, size[1] // PATCH
    assert len(layout.places) == rows * cols
    shown = [place for place in layout.places if place.box is not None]
    assert shown
    for place in layout.places:
        assert (place.box is None) == (place.inside == 0)
        if place.box is not None:
            x0, y0, x1, y1 = place.box
            assert 0 <= x0 < x1 <= width
            assert 0 <= y0 < y1 <= height

    place = shown[pick % len(shown)]
    x0, y0, x1, y1 = place.box
    if place.inside < 0.999:
        return
    # light up exactly the box, each pixel by the share of it that lies inside
    cover = np.outer(overlap(y0, y1, height), overlap(x0, x1, width))
    lit = levels(processor, np.repeat(np.rint(255 * cover).astype(np.uint8)[..., None], 3, axis=2))[0]
    if name == "pad to square":
        lit = lit - levels(processor, np.zeros((height, width, 3), np.uint8))[0]
    lit = np.clip(lit, 0, None)
    if lit.sum() < 255:
        return  # a box far smaller than a pixel leaves too little light to tell
    for start, end, across, along in ((x0, x1, size[1], 1), (y0, y1, size[0], 0)):
        profile = lit.sum(axis=1 - along)
        centre = float((profile * (np.arange(across) + 0.5)).sum() / profile.sum())
        index = place.col if along == 1 else place.row
        pixel = PATCH / (end - start)  # one original pixel, in pixels of the input
        # the middle of the light is the middle of the patch, up to where in its pixel the light can be placed, and
        # to what falls off the input's edge
        assert abs(centre - (index + 0.5) * PATCH) <= 0.6 + 0.5 * pixel


@pytest.fixture(scope="module")
def remainder_folder(tmp_path_factory):
    """A tower whose patches do not cover its input, as SigLIP So400m 14/384 leaves six pixels: 51 = 6 · 8 + 3."""
    return build_llava(tmp_path_factory.mktemp("remainder") / "model", "siglip", image_size=51)


@pytest.mark.parametrize("tower", ["clip", "siglip", "remainder"])
@pytest.mark.parametrize("size", [(100, 60), (133, 201), (640, 480)])
@torch.no_grad()
def test_pixels_in_a_box_change_that_token_and_no_other(tower, size, request):
    model = held(request.getfixturevalue(f"{tower}_folder"))
    for name, module in model.family.tower.named_modules():
        if name.endswith("out_proj"):
            module.weight.zero_()
            module.bias.zero_()
    image = picture(*size)
    inputs = model.prepare(image, None)
    before = model.encode(inputs).tokens
    places = model.layout(image, inputs, model.encode(inputs)).places
    rng = np.random.default_rng(3)
    scale = max((place.box[2] - place.box[0]) / 8 for place in places)
    reach = 2 * max(1.0, scale) + 1  # bicubic mixes in two pixels on either side
    hits = 0
    for _ in range(20):
        x, y = int(rng.integers(0, size[0] - 3)), int(rng.integers(0, size[1] - 3))
        changed_pixels = image.rgb.copy()
        changed_pixels[y : y + 3, x : x + 3] ^= 0xFF
        after = model.encode(model.prepare(RgbImage(changed_pixels), None)).tokens
        changed = set(torch.nonzero((after != before).any(dim=1)).flatten().tolist())
        inside = {
            p.index for p in places if p.box[0] <= x and x + 3 <= p.box[2] and p.box[1] <= y and y + 3 <= p.box[3]
        }
        wide = [(p.index, *(np.array(p.box) + np.array([-reach, -reach, reach, reach]))) for p in places]
        near = {i for i, x0, y0, x1, y1 in wide if x0 < x + 3 and x < x1 and y0 < y + 3 and y < y1}
        assert inside <= changed <= near, (x, y)
        hits += len(changed)
    assert hits


def test_a_centre_crop_leaves_parts_without_a_box(clip_folder):
    model = held(clip_folder)
    image = picture(210, 70)
    inputs = model.prepare(image, None)
    layout = model.layout(image, inputs, model.encode(inputs))
    assert layout.seen == "70×70, centre crop"
    assert layout.grids[0].box == (70.0, 0.0, 140.0, 70.0)
    assert layout.places[0].box == (70.0, 0.0, 84.0, 14.0)
    assert layout.places[24].box == (126.0, 56.0, 140.0, 70.0)
    assert layout.places[7].patches == (7,)


def test_a_class_token_among_the_image_tokens_has_no_place(tmp_path):
    folder = build_llava(tmp_path / "full", "clip", strategy="full")
    model = held(folder)
    image = picture(70, 70)
    inputs = model.prepare(image, None)
    encoded = model.encode(inputs)
    places = model.layout(image, inputs, encoded).places
    assert len(places) == len(encoded.tokens) == 26
    assert [place.index for place in places] == list(range(26))
    assert (places[0].kind, places[0].grid, places[0].box, places[0].patches) == ("query", None, None, ())
    assert places[1].box == (0.0, 0.0, 14.0, 14.0)
    assert places[1].patches == (0,)


def test_a_padding_crop_says_how_much_is_inside():
    processor = CLIPImageProcessorPil(size={"shortest_edge": 20}, crop_size={"height": 40, "width": 40})
    seen = view(processor, 20, 20, (40, 40))
    layout = raster(seen, (20, 20))
    assert seen.words == "40×40, padded"
    assert layout.places[0].box is None
    assert layout.places[0].inside == 0
    assert layout.places[6].box == (0.0, 0.0, 6.0, 6.0)
    assert layout.places[6].inside == pytest.approx(36 / 64)
    assert layout.places[12].inside == 1.0
    assert layout.grids[0].box == (0.0, 0.0, 20.0, 20.0)


class Odd(CLIPImageProcessorPil):
    """Does something else than its settings say."""

    def _preprocess(self, images, **options):
        images = [image[:, :, image.shape[2] // 4 :] for image in images]
        return super()._preprocess(images, **options)


class Mirrored(CLIPImageProcessorPil):
    """Does what no straight line with a rising slope describes."""

    def _preprocess(self, images, **options):
        return super()._preprocess([image[:, :, ::-1].copy() for image in images], **options)


def test_the_probe_wins_over_a_plan_it_does_not_bear_out():
    settings_ = {"size": {"height": 40, "width": 40}, "crop_size": {"height": 40, "width": 40}}
    seen = view(Odd(**settings_), 400, 300, (40, 40))
    assert seen.x(0) == pytest.approx(100, abs=1)
    assert seen.x(40) == pytest.approx(400, abs=1)
    assert seen.y(40) == pytest.approx(300, abs=1)
    assert view(Mirrored(**settings_), 400, 300, (40, 40)) is None


def test_large_pictures_are_probed_small(monkeypatch):
    sizes = []
    real = views_module.probe_levels

    def watched(see, processor, width, height):
        sizes.append((width, height))
        return real(see, processor, width, height)

    monkeypatch.setattr(views_module, "probe_levels", watched)
    seen = view(PROCESSORS["squash"], 8000, 6000, (40, 40))
    assert sizes == [(4000, 3000)]
    assert (seen.x(40), seen.y(40)) == (8000, 6000)


def test_a_strip_that_would_fill_the_memory_is_refused():
    with pytest.raises(ImageError, match="crop it"):
        check_size(PROCESSORS["centre crop"], 1, 1_000_000_0, "strip.png")


def tiled(name: str):
    """Image processors of tiled families with the settings of published checkpoints."""
    from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
    from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil

    if name == "llava_next":
        pinpoints = [[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]]
        crop = {"height": 336, "width": 336}
        return LlavaNextImageProcessorPil(size={"shortest_edge": 336}, crop_size=crop, image_grid_pinpoints=pinpoints)
    if name == "idefics3":
        return Idefics3ImageProcessorPil()
    return GotOcr2ImageProcessorPil(size={"height": 448, "width": 448}, crop_to_patches=True)


@pytest.mark.parametrize(
    ("name", "size", "resized", "last"),
    [
        # the picture is resized to this many pixels, and the last tile but one begins at these
        ("llava_next", (1279, 853), (672, 449), (0, 225)),
        ("llava_next", (500, 2000), (252, 1008), (-42, 336)),
        ("idefics3", (1279, 853), (1456, 1092), (1092, 728)),
        ("internvl", (1279, 853), (1344, 896), (896, 448)),
        ("internvl", (500, 2000), (448, 1792), (0, 1344)),
    ],
)
def test_tiles_of_published_settings_are_exact(name, size, resized, last):
    processor = tiled(name)

    def see(image):
        values = np.asarray(processor(images=image, return_tensors="np")["pixel_values"])
        return list(values.reshape(-1, *values.shape[-3:]))

    frames = see(Image.new("RGB", size))
    found = tile_views(see, processor, *size, [frame.shape[1:] for frame in frames])
    one = found[-2]
    assert one.x.scale == pytest.approx(size[0] / resized[0], rel=1e-12)
    assert one.y.scale == pytest.approx(size[1] / resized[1], rel=1e-12)
    assert one.x.offset == pytest.approx(last[0] * one.x.scale, abs=1e-9)
    assert one.y.offset == pytest.approx(last[1] * one.y.scale, abs=1e-9)
