"""Compositor that cuts a line only where it is seen to end: no wide character of a dialog is lost over what lies below.

Textual's own cuts every widget's lines at the edges of all others, those that it covers among them, and makes a
character of two cells that is cut into two spaces. Where it cuts behind a character with combining marks, it may leave
the marks to what follows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import cast

from rich.cells import cell_len, split_graphemes
from rich.segment import Segment
from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region
from textual.strip import Strip


class VisibleCompositor(Compositor):
    """The cuts are the ends of what is seen of each widget, and a repainted part ends beside a character."""

    @property
    def cuts(self) -> list[list[int]]:
        """Columns in each line where what is seen of a widget begins or ends."""
        if self._cuts is None:
            width, height = self.size
            found = [{0, width} for _ in range(height)]
            free = [[(0, width)] for _ in range(height)]
            # from the front to the back
            for region, clip in self.visible_widgets.values():
                part = region.intersection(clip)
                for y in part.line_range if part else ():
                    free[y] = _covered(free[y], *part.column_span, found[y])
            self._cuts = [sorted(line) for line in found]
        return self._cuts

    def _get_renders(self, crop: Region | None = None) -> Iterator[tuple[Region, Region, list[Strip]]]:
        """Each widget's region, what clips it, and the lines of it that are seen, cut here and not by the widget."""
        for widget, (region, clip) in self.visible_widgets.items():
            part = region.intersection(clip)
            if part and (crop is None or crop.overlaps(clip)):
                strips = widget.render_lines(Region(0, part.y - region.y, region.width, part.height))
                first = part.x - region.x
                yield region, clip, [_part(strip, first, first + part.width) for strip in strips]

    def _render_chops(self, crop: Region, is_rendered_line: Callable[[int], bool]) -> Sequence[Mapping[int, Strip]]:
        """Pieces of the lines between the cuts by their first column; what is in front has been given its own first."""
        pieces: list[dict[int, Strip | None]] = [dict.fromkeys(line[:-1]) for line in self.cuts]
        for region, clip, strips in self._get_renders(crop):
            part = region.intersection(clip)
            first, last = part.column_span
            for y, strip in zip(part.line_range, strips, strict=False):
                line = pieces[y]
                for start, end in pairwise(self.cuts[y]) if is_rendered_line(y) else ():
                    if first <= start and end <= last and line[start] is None:
                        line[start] = _part(strip, start - first, end - first)
        return cast("Sequence[Mapping[int, Strip]]", pieces)

    def render_partial_update(self) -> ChopsUpdate | None:
        """What has to be painted again."""
        update = super().render_partial_update()
        if update is not None:
            update.spans = [(y, first, self._end(update.chops[y], y, last)) for y, first, last in update.spans]
        return update

    def _end(self, pieces: Mapping[int, Strip | None], y: int, end: int) -> int:
        """The first column from `end` on where no character is cut."""
        for start, after in pairwise(self.cuts[y]):
            strip = pieces[start]
            if start < end < after and strip is not None:
                while end < after and _cuts_character(strip, end - start):
                    end += 1
        return end


def _part(strip: Strip, start: int, end: int) -> Strip:
    """The cells of a strip from `start` to `end`: a mark goes with its character, half of a character is a space."""
    part = strip.crop(start, end)
    if part is strip or set(map(cell_len, strip.text)) == {1}:
        return part
    segments, column = [], 0
    for text, style, control in strip:
        kept = ""
        for first, last, cells in split_graphemes(text)[0]:
            before, column = column, column + cells
            if start <= before and column <= end and start < column:
                kept += text[first:last]
            else:
                kept += " " * (min(column, end) - max(before, start))
        segments.append(Segment(kept, style, control))
    return Strip(segments, part.cell_length)


def _covered(free: list[tuple[int, int]], first: int, last: int, cuts: set[int]) -> list[tuple[int, int]]:
    """What is free beside a widget in the columns from `first` to `last`; the ends of what is seen of it are cuts."""
    left: list[tuple[int, int]] = []
    for start, end in free:
        if first < end and start < last:
            cuts.update((max(start, first), min(end, last)))
            left += [(a, b) for a, b in ((start, first), (last, end)) if a < b]
        else:
            left.append((start, end))
    return left


def _cuts_character(strip: Strip, cells: int) -> bool:
    """Whether a strip that ends after so many cells has lost half of a character, or a mark on one."""
    text, head = strip.text, strip.crop(0, cells).text
    return not text.startswith(head) or (len(head) < len(text) and cell_len(text[len(head)]) == 0)
