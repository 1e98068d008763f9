"""Pictures as files: from what was found to a scene, from a scene to bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vlmtui.query.drawing import HEAT, LAYERS, NORMS, WORDS
from vlmtui.reports.images import chart, heat, words
from vlmtui.reports.images.content import Shown
from vlmtui.reports.images.raster import png
from vlmtui.reports.images.scene import Scene
from vlmtui.reports.images.svg import svg
from vlmtui.reports.per_image import Failure

_SCENES = {WORDS: words.scene, HEAT: heat.scene, LAYERS: heat.sheet, NORMS: chart.scene}


def scene(shown: Shown) -> Scene:
    """What is drawn of a picture."""
    return _SCENES[shown.show](shown)


def write_png(results: Iterable[Shown | Failure]) -> Iterator[bytes]:
    """The file, whole."""
    yield from (png(scene(result)) for result in results if isinstance(result, Shown))


def write_svg(results: Iterable[Shown | Failure]) -> Iterator[str]:
    """The file, whole."""
    yield from (svg(scene(result)) for result in results if isinstance(result, Shown))
