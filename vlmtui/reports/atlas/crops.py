"""Crops of patches from their images, small enough for a page to embed dozens.

Only local files are opened, and only if their sha256 is the one in the table: a table from elsewhere cannot bring other
images of this machine into a page.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image, ImageDraw

from vlmtui.errors import VlmtuiError
from vlmtui.files import expand_path
from vlmtui.images.decoding import MAX_PIXELS, decode
from vlmtui.images.image_file import read_source
from vlmtui.images.paths import is_address
from vlmtui.reports.atlas.examples import PatchExample

SIDE = 96
"""Longer side of a crop in pixels, at least twice its size on the page."""
MOST_BYTES = 1_500_000
"""Total size of the crops of a page."""
_AROUND = 1.0  # context on each side, in patch sizes
_QUALITY = 80
_LIGHT, _DARK = (242, 176, 54), (20, 16, 10)


@dataclass(frozen=True)
class PatchCrop:
    """A patch with the image around it, its box outlined, as a `data:` URL."""

    address: str
    width: int
    height: int


@dataclass
class PatchCrops:
    """Crops by image and box; `missing` counts images that are gone or have changed."""

    found: dict[tuple[str, tuple[float, ...]], PatchCrop]
    missing: int = 0
    full: bool = False

    def of(self, patch: PatchExample) -> PatchCrop | None:
        """The crop of a patch; None where there is none."""
        return None if patch.box is None else self.found.get((patch.row["image"], patch.box))


def crop_patches(patches: Iterable[PatchExample]) -> PatchCrops:
    """Crop the patches that have a box; every image is opened once, one at a time."""
    by_picture: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    for patch in patches:
        if patch.box is not None:
            boxes = by_picture.setdefault((patch.row["image"], patch.row["sha256"] or ""), [])
            if patch.box not in boxes:
                boxes.append(patch.box)
    made, size = PatchCrops({}), 0
    for (source, sha256), boxes in by_picture.items():
        picture = _picture(source, sha256)
        made.missing += picture is None
        for box in boxes if picture is not None else ():
            assert picture is not None
            crop = _cut(picture, box)
            size += len(crop.address)
            if size > MOST_BYTES:
                made.full = True
                return made
            made.found[source, box] = crop
    return made


def _picture(source: str, sha256: str) -> Image.Image | None:
    """The image; None where the file is gone or has changed."""
    path = expand_path(source)
    if is_address(source) or not os.path.isfile(path):
        return None
    try:
        found = read_source(source)
        return Image.fromarray(decode(found.data, source, MAX_PIXELS).rgb) if found.sha256 == sha256 else None
    except VlmtuiError:
        return None


def _cut(picture: Image.Image, box: tuple[float, ...]) -> PatchCrop:
    x0, y0, x1, y1 = box
    # a square around the patch, shifted to lie within the image
    side = (1 + 2 * _AROUND) * max(1.0, x1 - x0, y1 - y0)
    left, right = _within((x0 + x1) / 2, side, picture.width)
    upper, lower = _within((y0 + y1) / 2, side, picture.height)
    scale = SIDE / max(right - left, lower - upper)
    size = max(1, round((right - left) * scale)), max(1, round((lower - upper) * scale))
    shown = picture.resize(size, Image.Resampling.LANCZOS, box=(left, upper, right, lower), reducing_gap=3.0)
    corners = [(x0 - left) * scale, (y0 - upper) * scale, (x1 - left) * scale - 1, (y1 - upper) * scale - 1]
    draw = ImageDraw.Draw(shown)
    ends = [min(max(0, round(corner)), size[i % 2] - 1) for i, corner in enumerate(corners)]
    ends[2:] = [max(ends[0], ends[2]), max(ends[1], ends[3])]
    inner = [ends[0] + 1, ends[1] + 1, ends[2] - 1, ends[3] - 1]
    if inner[2] > inner[0] and inner[3] > inner[1]:
        draw.rectangle(inner, outline=_DARK)
    draw.rectangle(ends, outline=_LIGHT)
    file = io.BytesIO()
    shown.save(file, "JPEG", quality=_QUALITY)
    address = f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
    return PatchCrop(address, *size)


def _within(middle: float, side: float, length: int) -> tuple[float, float]:
    """An interval of length `side` around `middle`, shifted to lie within 0 … `length`."""
    side = min(side, float(length))
    begin = min(max(0.0, middle - side / 2), length - side)
    return begin, begin + side
