"""`gif`: an animation of the image with its patches coloured by a lens, one frame per stage.

Every patch is coloured at its place in the image, tiles over the whole image. All frames with numbers of the same kind
share one scale, so that a brighter patch has a larger value.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from PIL import Image

from vlmtui.display.colours import Rgb
from vlmtui.display.numbers import percent
from vlmtui.display.pieces import plain
from vlmtui.lenses.captions import LensResult, number_name
from vlmtui.query.options import Query
from vlmtui.reports.images import fonts, layout
from vlmtui.reports.images.heat_map import shared_scales
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


def encode_frames(frames: Sequence[Image.Image]) -> bytes:
    """Encode the frames as an endlessly looping GIF; the last frame is shown longer."""
    file = io.BytesIO()
    times = [FRAME_MS] * (len(frames) - 1) + [LAST_MS]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=times, loop=0)
    return file.getvalue()


def animation_frames(animation: Animation) -> list[Image.Image]:
    """Draw one RGB frame per stage."""
    height, width = animation.rgb.shape[:2]
    scale = LONG_SIDE / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    resampling = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX
    photo = np.asarray(Image.fromarray(animation.rgb).resize(size, resampling))
    frames = []
    for result, value_scale in zip(animation.values, shared_scales(animation.values), strict=True):
        colours = result.painted(result.numbers, value_scale)
        rgb = layout.paint_entries(photo, animation.reading.places_at(result.stage), colours, scale)
        note = value_scale.note(result.numbers) if np.ndim(result.numbers) == 1 else ""
        frames.append(_captioned(rgb, _caption(animation, result, note)))
    return frames


def _caption(animation: Animation, result: LensResult, note: str) -> str:
    name = animation.lens.name
    if explained := result.besides.get("explained"):
        shares = " + ".join(percent(100 * share) for share in explained)
        return f"{result.stage}   {name}: {shares} of the variance"
    inputs = f' "{animation.lens.text}"' if animation.lens.text else ""
    quantity = number_name(result.call, result.stage)
    said = ", ".join(filter(None, (f"{name}{inputs}", note, quantity)))
    return f"{result.stage}   {said}"


def _captioned(rgb: Rgb, text: str) -> Image.Image:
    height, width = rgb.shape[:2]
    frame = Image.new("RGB", (width, height + CAPTION), (13, 16, 23))
    frame.paste(Image.fromarray(rgb), (0, 0))
    shown, size = fonts.fit_text(plain(text), 15, width - 16)
    fonts.draw_text(frame, 8, height + 19, shown, size, (210, 214, 220), None)
    return frame
