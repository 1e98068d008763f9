"""Image-level results of a vision tower: scores of texts by its text tower, top classes by its head. No Textual."""

from __future__ import annotations

from dataclasses import dataclass

from vlmtui.reading import ModelInfo
from vlmtui.results.classification import ClassificationHead, TopClasses
from vlmtui.results.image_text import ImageTextMatch, TextsRead
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.subject import OF_IMAGE, AnyLens, ClassesLens, HeadLens, MatchLens, TextsLens

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


def image_level_lenses(results: Results, selection: Selection) -> tuple[AnyLens, ...]:
    """The lenses of the whole image that the selection asks for: texts, or classes."""
    by = scored_by(results.reading.model if results.reading else None)
    if by == TEXTS and selection.texts:
        return TextsLens(selection.texts), MatchLens(selection.texts)
    return (HeadLens(), ClassesLens()) if by == CLASSES and selection.classes else ()


def image_level(results: Results, selection: Selection) -> ImageLevel:
    """What has arrived of them."""
    found = [results.found.get((OF_IMAGE, lens)) for lens in image_level_lenses(results, selection)]
    return ImageLevel(
        texts=next((one for one in found if isinstance(one, TextsRead)), None),
        match=next((one for one in found if isinstance(one, ImageTextMatch)), None),
        head=next((one for one in found if isinstance(one, ClassificationHead)), None),
        classes=next((one for one in found if isinstance(one, TopClasses)), None),
    )
