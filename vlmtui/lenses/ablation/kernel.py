"""What an answer depends on: parts of a picture taken away, one after the other.

Callables run the model; here is only what is taken away, and what is made of the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch import Tensor

from vlmtui.errors import CancelledError

Box = tuple[float, float, float, float]


def occlusion(
    run_with: Callable[[Sequence[Tensor]], Iterable[Tensor]],
    groups: Sequence[Tensor],
    on_group: Callable[[int, int, Tensor], None] = lambda done, total, drop: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Tensor:
    """How much the log-probability of each token of an answer falls without each group of image tokens.

    `run_with` gives the log-probabilities [answer tokens] with each of these groups (int64 [n], one of none at first)
    taken away, in their order.
    float32 [groups, answer tokens], above 0 where the group carries the answer (Zeiler & Fergus 2014). `on_group`
    hears how many groups are done of how many, and the last one's drop; between them `should_stop` is asked:
    `CancelledError` when it says so.
    """
    (whole,) = run_with([torch.zeros(0, dtype=torch.int64)])
    drops = torch.zeros(len(groups), len(whole))
    without = iter(run_with(groups))
    for i in range(len(groups)):
        if should_stop():
            raise CancelledError("the question was withdrawn")
        drops[i] = whole.float() - next(without).float()
        on_group(i + 1, len(groups), drops[i])
    return drops


def blocks(places: Sequence[tuple[int, int, int] | None], side: int) -> list[Tensor]:
    """Image tokens in blocks of side × side: of each block its tokens, int64.

    `places` are each token's (grid, row, column), None for one without a place, which is a block of its own. Blocks
    come in the order of their first tokens.
    """
    assert side >= 1
    found: dict[tuple[int, ...], list[int]] = {}
    for token, place in enumerate(places):
        key = (-1, token) if place is None else (place[0], place[1] // side, place[2] // side)
        found.setdefault(key, []).append(token)
    return [torch.tensor(tokens) for tokens in found.values()]


def blurred(rgb: NDArray[np.uint8], boxes: Sequence[Box]) -> NDArray[np.uint8]:
    """A copy of a picture [height, width, 3] with these boxes (x0, y0, x1, y1, in pixels) blurred.

    By a Gaussian whose radius is a box's longer side; pixels around the box reach into it, its own do not reach out.
    """
    height, width = rgb.shape[:2]
    made = rgb.copy()
    for x0, y0, x1, y1 in boxes:
        left, top = max(0, int(x0)), max(0, int(y0))
        right, bottom = min(width, int(np.ceil(x1))), min(height, int(np.ceil(y1)))
        if right <= left or bottom <= top:
            continue
        radius = max(right - left, bottom - top)
        reach = 3 * radius
        outer = max(0, left - reach), max(0, top - reach), min(width, right + reach), min(height, bottom + reach)
        part = Image.fromarray(rgb[outer[1] : outer[3], outer[0] : outer[2]])
        soft = np.asarray(part.filter(ImageFilter.GaussianBlur(radius)))
        made[top:bottom, left:right] = soft[top - outer[1] : bottom - outer[1], left - outer[0] : right - outer[0]]
    return made
