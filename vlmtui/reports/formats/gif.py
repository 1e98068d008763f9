"""`gif`: an animation of the image with its patches coloured by a lens, one frame per stage.

Every patch is coloured at its place in the image, tiles over the whole image. All frames with numbers of the same kind
share one scale, so that a brighter patch has a larger value.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from PIL import Image

from vlmtui.display.colours import Rgb, robust_range
from vlmtui.display.numbers import percent
from vlmtui.display.pieces import plain
from vlmtui.lenses.captions import LensResult, number_name
from vlmtui.query.options import Query
from vlmtui.reading import of_layers
from vlmtui.reports.images import fonts, layout
from vlmtui.reports.images.stage_values import Animation
from vlmtui.reports.per_image import ImageFailure

LONG_SIDE = 640
FRAME_MS = 400
LAST_MS = 1600
CAPTION = 28


def write_gif(animations: Iterable[Animation | ImageFailure], query: Query, several: bool) -> Iterator[bytes]:
    """Write the file in one piece."""
    yield from (
        encode_frames(animation_frames(animation)) for animation in animations if isinstance(animation, Animation)
    )


def encode_frames(pictures: Sequence[Image.Image]) -> bytes:
    """Encode the frames as an endlessly looping GIF; the last frame is shown longer."""
    file = io.BytesIO()
    times = [FRAME_MS] * (len(pictures) - 1) + [LAST_MS]
    pictures[0].save(file, "GIF", save_all=True, append_images=pictures[1:], duration=times, loop=0)
    return file.getvalue()


def animation_frames(seen: Animation) -> list[Image.Image]:
    """Draw one RGB frame per stage."""
    height, width = seen.rgb.shape[:2]
    scale = LONG_SIDE / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX
    under = np.asarray(Image.fromarray(seen.rgb).resize(size, how))
    of_one_kind = [found.numbers for found in seen.values if found.numbers.ndim == 1 and not of_layers(found.stage)]
    shared = robust_range(np.concatenate(of_one_kind)) if of_one_kind else (0.0, 1.0)
    drawn = []
    for found in seen.values:
        colours = found.painted(found.numbers, *(robust_range(found.numbers) if of_layers(found.stage) else shared))
        rgb = layout.paint_entries(under, seen.reading.places_at(found.stage), colours, scale)
        drawn.append(_captioned(rgb, _caption(seen, found)))
    return drawn


def _caption(seen: Animation, found: LensResult) -> str:
    name = seen.through.name
    if explained := found.besides.get("explained"):
        shares = " + ".join(percent(100 * share) for share in explained)
        return f"{found.stage}   {name}: {shares} of the variance"
    what = f' "{seen.through.text}"' if seen.through.text else ""
    called = number_name(found.call, found.stage)
    return f"{found.stage}   {name}{what}{f', {called}' if called else ''}"


def _captioned(rgb: Rgb, text: str) -> Image.Image:
    height, width = rgb.shape[:2]
    picture = Image.new("RGB", (width, height + CAPTION), (13, 16, 23))
    picture.paste(Image.fromarray(rgb), (0, 0))
    shown, size = fonts.fit_text(plain(text), 15, width - 16)
    fonts.draw_text(picture, 8, height + 19, shown, size, (210, 214, 220), None)
    return picture
