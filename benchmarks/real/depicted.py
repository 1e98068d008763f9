"""What the sample images show: where it is, and words that name it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vlmtui.reading import Reading

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class DepictedObject:
    """The main object of an image, within a box of its pixels; any of the words is its name."""

    file: str
    box: Box
    words: tuple[str, ...]


DEPICTED = (
    DepictedObject("astronaut.png", (15, 10, 512, 512), ("astronaut", "woman", "person", "spacesuit")),
    DepictedObject("chelsea.png", (0, 0, 380, 300), ("cat", "kitten")),
    DepictedObject("china.jpg", (65, 25, 370, 427), ("temple", "pagoda", "tower", "palace", "building", "pavilion")),
    DepictedObject("coffee.png", (75, 15, 485, 390), ("cup", "coffee", "espresso", "mug")),
    DepictedObject("flower.jpg", (165, 80, 450, 365), ("flower", "dahlia", "blossom")),
    DepictedObject("rocket.jpg", (270, 120, 375, 427), ("rocket", "spacecraft", "falcon")),
)


def names_object(answer: str, shown: DepictedObject) -> bool:
    """Whether one of its words, or its plural, is a word of the answer."""
    said = set(re.findall(r"[a-z]+", answer.lower()))
    return any(word in said or f"{word}s" in said for word in shown.words)


def tokens_within(reading: Reading, box: Box) -> list[int]:
    """Image tokens of every grid whose centre in the image lies within the box."""
    left, top, right, bottom = box
    found = []
    for token, place in enumerate(reading.places):
        if place.box is not None:
            x, y = (place.box[0] + place.box[2]) / 2, (place.box[1] + place.box[3]) / 2
            if left <= x <= right and top <= y <= bottom:
                found.append(token)
    return found
