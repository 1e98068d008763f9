"""Scores of the whole image that a selection asks for, as far as they have come. No Textual."""

from __future__ import annotations

from vlmtui.results.classification import ClassificationHead, TopClasses
from vlmtui.results.image_text import ImageTextMatch, TextsRead
from vlmtui.tui.state.image_level import CLASSES, TEXTS, ImageLevel, scored_by
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.subject import OF_IMAGE, AnyLens, ClassesLens, HeadLens, MatchLens, TextsLens


def image_level_lenses(results: Results, selection: Selection) -> tuple[AnyLens, ...]:
    """The lenses of the whole image that the selection asks for: texts, or classes."""
    by = scored_by(results.reading.model if results.reading else None)
    if by == TEXTS and selection.texts:
        return TextsLens(selection.texts), MatchLens(selection.texts)
    return (HeadLens(), ClassesLens()) if by == CLASSES and selection.classes else ()


def take_image_level(results: Results, selection: Selection) -> None:
    """Show them once they are complete; until then those before stand."""
    found = [results.found.get((OF_IMAGE, lens)) for lens in image_level_lenses(results, selection)]
    level = ImageLevel(
        texts=next((one for one in found if isinstance(one, TextsRead)), None),
        match=next((one for one in found if isinstance(one, ImageTextMatch)), None),
        head=next((one for one in found if isinstance(one, ClassificationHead)), None),
        classes=next((one for one in found if isinstance(one, TopClasses)), None),
    )
    if level.complete:
        results.image_level = level
