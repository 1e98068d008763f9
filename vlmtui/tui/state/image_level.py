"""Image-level results of a vision tower: scores of texts by its text tower, top classes by its head. No Textual."""

from __future__ import annotations

from dataclasses import dataclass

from vlmtui.reading import ModelInfo
from vlmtui.results.classification import ClassificationHead, TopClasses
from vlmtui.results.image_text import ImageTextMatch, TextsRead

MOST_TEXTS = 12
"""Texts that stand beside each other; the first give way."""
BETWEEN = "|"
TEXTS = "texts"
CLASSES = "classes"


@dataclass(frozen=True)
class ImageLevel:
    """Either `texts` as they were read and their `match` with the image, or a `head` and its top `classes`."""

    texts: TextsRead | None = None
    match: ImageTextMatch | None = None
    head: ClassificationHead | None = None
    classes: TopClasses | None = None

    @property
    def complete(self) -> bool:
        """Whether there is anything to show."""
        return bool((self.texts and self.match) or (self.head and self.classes))


def scored_by(model: ModelInfo | None) -> str:
    """What a model scores the whole image by, `TEXTS` or `CLASSES`; "" for one that has words instead."""
    if model is None or not model.wordless:
        return ""
    return TEXTS if model.text_tower else CLASSES if model.classifies else ""


def parse_texts(text: str) -> tuple[str, ...]:
    """The texts of a line, separated by |; each once."""
    return tuple(dict.fromkeys(part for part in map(str.strip, text.split(BETWEEN)) if part))[-MOST_TEXTS:]
