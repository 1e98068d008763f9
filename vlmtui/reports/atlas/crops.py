"""Patches cut out of their pictures, small enough to stand in a page by the dozen.

Only files of this machine are opened, and only those that are still what the table was made of (their sha256): a table
from elsewhere brings no picture of yours into a page.
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
from vlmtui.image import MAX_PIXELS, decode, is_address, read_source
from vlmtui.reports.atlas.examples import PatchExample

SIDE = 96
"""Pixels of a crop's longer side, twice as many as the page gives it at least."""
MOST_BYTES = 1_500_000
"""All crops of a page together."""
_AROUND = 1.0  # so much of a patch's size is shown on each side of it
_QUALITY = 80
_LIGHT, _DARK = (242, 176, 54), (20, 16, 10)


@dataclass(frozen=True)
class PatchCrop:
    """A patch with some of the picture around it, its box outlined, as an address that holds it whole."""

    address: str
    width: int
    height: int


@dataclass
class PatchCrops:
    """By picture and box; `missing` pictures are not there any more, or are not the ones that were read."""

    found: dict[tuple[str, tuple[float, ...]], PatchCrop]
    missing: int = 0
    full: bool = False

    def of(self, patch: PatchExample) -> PatchCrop | None:
        """That of a patch, where there is one."""
        return None if patch.box is None else self.found.get((patch.row["image"], patch.box))


def crop_patches(patches: Iterable[PatchExample]) -> PatchCrops:
    """Those of the patches that have a place in a picture; every picture is opened once, one at a time."""
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
    """The picture; None where there is none of this name any more, or another one."""
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
    # a square around it, moved into the picture where it reaches beyond
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
    """So much of a length, around its middle where there is room."""
    side = min(side, float(length))
    begin = min(max(0.0, middle - side / 2), length - side)
    return begin, begin + side
