"""`vlmtui classify`: the top classes of images and per-patch class evidence, as text or JSON.

The JSON is `vlmtui/classify/1`, one object per image, a list for several:

    {"schema", "model": {...}, "image": {...},                    as in vlmtui/report/1
     "head": {"classes", "reads", "kind": "softmax|sigmoid",      their number; what the head reads
              "evidence": "exact|approximate"},
     "classes": [{"id", "label", "logit", "probability",          the first k, largest first
                  "rest"}],                                       the part of the logit that no patch has, or null
     "patches": [{place of the patch as in vlmtui/report/1,
                  "evidence": [k],                                the evidence of the patch for each class
                  "first": {"id", "label"}}]}                     the class with the most evidence, of all

`evidence` is exact where the head reads the mean of the patches: then it is a patch's share of the logit, which is the
sum of all shares and `rest`. Elsewhere it is approximate: the logit that the head gives the patch in place of the class
token, although it was trained on the class token alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import numpy as np

from vlmtui.display import numbers
from vlmtui.display.pieces import isolate, plain
from vlmtui.display.text_lines import COLUMNS, flow, labelled, wrapped
from vlmtui.errors import UsageError
from vlmtui.images.image_file import ImageFile
from vlmtui.query.options import LoadOptions, ReadOptions, load_model, read_image
from vlmtui.reading import ModelInfo, Reading
from vlmtui.reports.formats import json
from vlmtui.reports.formats.parts.text_grid import cell_grid
from vlmtui.reports.per_image import ImageFailure, run_per_image
from vlmtui.reports.run import ReportJob, write_contents
from vlmtui.results.classification import ClassificationHead, TopClasses
from vlmtui.session.client import SessionClient
from vlmtui.session.reconnecting import OnProgress

SCHEMA = "vlmtui/classify/1"
_MOST = 3


@dataclass(frozen=True)
class ImageClasses:
    """One image with its top classes, and the head that they come from."""

    reading: Reading
    head: ClassificationHead
    classes: TopClasses


ClassesOrFailure = ImageClasses | ImageFailure


def run_classify(load: LoadOptions, read: ReadOptions, k: int, format: str, job: ReportJob) -> int:
    """Write the top `k` classes of each image; return the exit status."""
    if format not in FORMATS:
        raise UsageError(f"classify has no format {format!r}: choose {', '.join(FORMATS)}")
    write = FORMATS[format]

    def collect_images(start: Callable[[], SessionClient], progress: OnProgress) -> Any:
        return run_per_image(job.sources, _ClassReader(load, read, k, progress), start)

    return write_contents(job, collect_images, lambda results: write(results, job.several_images))


@dataclass
class _ClassReader:
    options: LoadOptions
    read: ReadOptions
    k: int
    progress: OnProgress
    head: ClassificationHead | None = None

    def load(self, client: SessionClient) -> Future[ModelInfo]:
        return load_model(client, self.options, self.progress)

    def ready(self, client: SessionClient, model: ModelInfo) -> None:
        self.head = client.head().result()

    def look(self, client: SessionClient, source: ImageFile, index: int) -> ImageClasses:
        assert self.head is not None
        reading = read_image(client, source, self.read, self.progress).result()
        return ImageClasses(reading, self.head, client.classes(reading.id, self.k, self.progress).result())

    def done(self, client: SessionClient) -> None:
        pass


def classes_text(results: Iterable[ClassesOrFailure], several: bool) -> Iterator[str]:
    """One page an image, a rule between pages."""
    is_begun = False
    for result in results:
        if isinstance(result, ImageClasses):
            if is_begun:
                yield "\n" + "═" * COLUMNS + "\n\n"
            yield from (f"{line.rstrip()}\n" for line in _page(result))
            is_begun = True


def _page(image_classes: ImageClasses) -> Iterator[str]:
    reading, head, classes = image_classes.reading, image_classes.head, image_classes.classes
    model, image = reading.model, reading.image
    yield f"{isolate(plain(image.source))}  {numbers.pixels(image.width, image.height)} pixels"
    yield ""
    yield from labelled("model", f"{plain(model.name)} · {model.family} · {model.parts}")
    yield from labelled("runs on", f"{model.device}, {model.dtype}")
    yield from labelled("head", f"{numbers.count(len(head.labels), 'class', 'classes')}, reads the {head.reads}")
    normalisation = {"softmax": "softmax over all classes", "sigmoid": "sigmoid, each class separately"}[head.kind]
    yield from labelled("numbers", f"probability ({normalisation}), logit, class")
    yield ""
    for id_, logit, probability in zip(classes.ids, classes.logits, classes.probabilities, strict=True):
        share = numbers.percent(100 * float(probability))
        yield f"{share:>7}  {numbers.format_number(float(logit)):>9}  {_label(head, id_)}"
    yield ""
    yield from wrapped(_evidence(head), "")
    yield ""
    for row, id_ in enumerate(classes.ids):
        yield from flow([f"  {_short(head, id_)}: ", *_most(image_classes, row)], "", indent=4)
    yield ""
    first = {patch: _short(head, id_) for patch, id_ in enumerate(classes.first)}
    stage = f"vision.{model.vision_layers}"
    lines = list(cell_grid(reading, stage, first, COLUMNS, "Top class of each patch by its evidence alone"))
    yield from lines[:-1]  # the last line is empty


def _evidence(head: ClassificationHead) -> str:
    """The sentence that says what the evidence of patches is."""
    if head.exact:
        note = "" if head.reads.startswith("mean") else "; the rest comes from the class token"
        return f"Patches with the largest evidence for a class (row,column from 0): exact shares of its logit{note}."
    return (
        "Patches with the largest evidence for a class (row,column from 0), approximate: the logits of the head "
        "applied to each patch; it was trained on the class token only."
    )


def _most(image_classes: ImageClasses, row: int) -> Iterator[str]:
    """The patches with the largest evidence for a class; where it is exact, the share that all patches have."""
    classes = image_classes.classes
    evidence = classes.evidence[row]
    for patch in np.argsort(-evidence, kind="stable")[:_MOST]:
        place = image_classes.reading.patch_places[patch]
        yield f"{place.row},{place.col} {numbers.format_number(float(evidence[patch]))}   "
    if image_classes.head.exact:
        share, logit = (numbers.format_number(float(value)) for value in (evidence.sum(), classes.logits[row]))
        yield f"all patches {share} of {logit}"


def _label(head: ClassificationHead, id_: Any) -> str:
    return isolate(plain(head.labels[int(id_)]))


def _short(head: ClassificationHead, id_: Any) -> str:
    """The first name of a label with several (`tabby, tabby cat`)."""
    return isolate(plain(head.labels[int(id_)].split(",")[0].strip()))


def classes_json(results: Iterable[ClassesOrFailure], several: bool) -> Iterator[str]:
    """One object for one image, a list for several; images that failed are left out."""
    yield from json.json_objects(
        (classes_object(result) if isinstance(result, ImageClasses) else None for result in results), several
    )


def classes_object(image_classes: ImageClasses) -> json.Object:
    """The JSON object of one image."""
    head, classes = image_classes.head, image_classes.classes
    rest = [None] * len(classes.ids) if classes.rest is None else classes.rest.tolist()
    return {
        "schema": SCHEMA,
        **json.model_and_image(image_classes.reading),
        "head": {
            "classes": len(head.labels),
            "reads": head.reads,
            "kind": head.kind,
            "evidence": "exact" if head.exact else "approximate",
        },
        "classes": [
            {"id": id_, "label": head.labels[id_], "logit": logit, "probability": probability, "rest": rest_logit}
            for id_, logit, probability, rest_logit in zip(
                classes.ids.tolist(), classes.logits.tolist(), classes.probabilities.tolist(), rest, strict=True
            )
        ],
        "patches": [
            json.place_object(place)
            | {"evidence": classes.evidence[:, i].tolist(), "first": _named(head, int(classes.first[i]))}
            for i, place in enumerate(image_classes.reading.patch_places)
        ],
    }


def _named(head: ClassificationHead, id_: int) -> json.Object:
    return {"id": id_, "label": head.labels[id_]}


FORMATS: dict[str, Callable[[Iterable[ClassesOrFailure], bool], Iterator[str]]] = {
    "text": classes_text,
    "json": classes_json,
}
