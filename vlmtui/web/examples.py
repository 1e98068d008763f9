"""Worked examples: images on the form's page, each with the report that the server's own model makes of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from vlmtui.images.image_file import ImageFile


@dataclass(frozen=True)
class Example:
    """An image that ships with the server, at `/examples/NAME.jpg`; its report is at `/examples/NAME`."""

    name: str
    title: str


EXAMPLES: tuple[Example, ...] = (
    Example("china", "A pagoda: sky, roof and trees"),
    Example("flower", "A dahlia: one object on a plain background"),
    Example("town", "A drawn town: objects with known places"),
)


def example_named(name: str) -> Example | None:
    """The example of a name."""
    return next((example for example in EXAMPLES if example.name == name), None)


@lru_cache(maxsize=len(EXAMPLES))
def example_image(example: Example) -> ImageFile:
    """The image file of an example."""
    file = f"{example.name}.jpg"
    data = resources.files("vlmtui.web").joinpath("assets", "examples", file).read_bytes()
    return ImageFile(file, data, hashlib.sha256(data).hexdigest())
