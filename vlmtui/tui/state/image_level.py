"""What a vision tower says of the whole picture: its text tower, of texts; its classification head, of classes. Plain
data that the panels read."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vlmtui.reading import ModelInfo
from vlmtui.results.classification import ClassificationHead, TopClasses
from vlmtui.results.image_text import ImageTextMatch, TextsRead

MOST_TEXTS = 12
"""Texts that stand beside each other; the first give way."""
MOST_CLASSES = 50
BETWEEN = "|"


@dataclass(frozen=True)
class ImageLevel:
    """What has arrived of one reading: a match with `texts` as they were read, or the first classes of a `head`."""

    texts: TextsRead | None = None
    match: ImageTextMatch | None = None
    head: ClassificationHead | None = None
    classes: TopClasses | None = None

    @property
    def complete(self) -> bool:
        """Whether there is anything to show."""
        return bool((self.texts and self.match) or (self.head and self.classes))

    def matched(self, match: ImageTextMatch) -> ImageLevel:
        """With the match of the texts read last; one of other texts is left out."""
        fits = self.texts is not None and len(match.logits) == len(self.texts.texts)
        return replace(self, match=match) if fits else self


TEXTS = "texts"
CLASSES = "classes"


def said_by(model: ModelInfo | None) -> str:
    """What a model may say of the whole picture, `TEXTS` or `CLASSES`; "" for one that has words instead."""
    if model is None or not model.wordless:
        return ""
    return TEXTS if model.text_tower else CLASSES if model.classifies else ""


def parsed(text: str) -> tuple[str, ...]:
    """The texts of a line, which are parted by |; each once."""
    return tuple(dict.fromkeys(part for part in map(str.strip, text.split(BETWEEN)) if part))[-MOST_TEXTS:]
