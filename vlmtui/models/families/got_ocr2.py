"""GOT-OCR 2: convolutions after the tower's blocks make tokens of overlapping windows of patches."""

from __future__ import annotations

from typing import Any

import numpy as np

from vlmtui.models.families.base import Family, Pixels, Shape, TokenSources


class GotOcr2(Family):
    """A token's box is around all patches that its window of convolutions reads, so neighbouring boxes overlap."""

    title = "GOT-OCR 2"
    part_titles = {"got_ocr2": "SAM"}
    projector = "convolutions"

    def sources(self, shapes: list[Shape], pixels: Pixels, tokens: int) -> TokenSources | None:
        if len(shapes) > 1:
            return None
        (rows, cols), axes = shapes[0], []
        for patches in (rows, cols):
            reads = [{patch} for patch in range(patches)]
            for convolution in self._convolutions():
                reads = _convolved(reads, convolution)
            axes.append(reads)
        down, across = axes
        made_of = [[row * cols + col for row in sorted(r) for col in sorted(c)] for r in down for c in across]
        if len(made_of) != tokens:
            return None
        widest = max(map(len, made_of))
        padded = [indices + [-1] * (widest - len(indices)) for indices in made_of]
        return TokenSources(np.array(padded, dtype=np.int64), (0, (len(axes[0]), len(axes[1]))))

    def _convolutions(self) -> list[Any]:
        """The convolutions that mix patches, in their order."""
        neck, projector = self.base.vision_tower.neck, self.base.multi_modal_projector
        return [neck.conv1, neck.conv2, projector.conv_upsampler1, projector.conv_upsampler2]


class PPChart2Table(GotOcr2):
    """As GOT-OCR 2."""

    title = "PP-Chart2Table"
    part_titles = {"pp_chart2table": "SAM"}


def _convolved(reads: list[set[int]], convolution: Any) -> list[set[int]]:
    """The patches that each output of a convolution reads along one axis, from those of its inputs."""
    kernel, stride, padding = (
        int(value[0]) for value in (convolution.kernel_size, convolution.stride, convolution.padding)
    )
    count = (len(reads) + 2 * padding - kernel) // stride + 1
    windows = [range(i * stride - padding, i * stride - padding + kernel) for i in range(count)]
    return [set().union(*(reads[at] for at in window if 0 <= at < len(reads))) for window in windows]
