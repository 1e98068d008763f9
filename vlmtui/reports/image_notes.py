"""Notes of a report about its images: levels that were scaled, colour profiles, vectors and prompts out of order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from vlmtui.display.norm_statistics import not_finite_note
from vlmtui.reading import Reading, of_layers
from vlmtui.reports.image_report import ImageReport


class ImageNotes:
    """Tells what is unusual about the images of a report, once of each kind: folders may have thousands alike."""

    def __init__(self, tell: Callable[[str], object]) -> None:
        self._tell = tell
        self._told: set[str] = set()

    def about(self, content: object) -> None:
        """Tell what is to be said of the image that a content of a report is about, if any."""
        for source, note in notes_about(content):
            self.add(source, note)

    def add(self, source: str, note: str) -> None:
        """Tell a note about the image `source`, "" for one about the report, unless one alike has been told."""
        # another image's numbers make no other kind
        kind = re.sub(r"\d[\d.,e+-]*|\(.*?\)", "", note)
        if kind not in self._told:
            self._told.add(kind)
            self._tell(f"{source}: {note}" if source else note)


def notes_about(content: object) -> Iterator[tuple[str, str]]:
    """The image's source and what is to be said of it, for the image that a content of a report is about, if any."""
    report = getattr(content, "report", content)
    reading = getattr(report, "reading", None)
    if not isinstance(reading, Reading):
        return
    notes = reading.image.notes
    if isinstance(report, ImageReport):
        notes = (*notes, not_finite_note(report.norms, report.stage))
        if of_layers(report.stage) or report.layers is not None:
            notes = (*notes, reading.prompt_note)
    yield from ((reading.image.source, note) for note in notes if note)
