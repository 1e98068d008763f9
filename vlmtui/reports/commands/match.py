"""`vlmtui match`: zero-shot image–text scores, written as text or JSON image by image as they are computed.

The JSON is `vlmtui/match/1`, one object for any number of images:

    {"schema", "model": {...},                     as in vlmtui/report/1
     "query": {"kind": "softmax|sigmoid",          of logits: over all texts of an image, or each alone
               "scale", "bias", "captions"},       a logit is scale × cosine + bias
     "texts": [{"text", "pieces", "read"}],        word-pieces in it, and how many of them the model reads
     "patches": {"stage", "approximate"} or null,  how patches are compared, if they are
     "images": [{"source", "sha256", "width", "height",
                 "caption",                        index of the image's own text, or null
                 "cosines", "logits", "probabilities",     [texts]
                 "softmax",                        [texts] of the logits over the texts given, whatever the kind
                 "patches": [{place of the patch as in vlmtui/report/1, "cosines": [texts]}] or absent}],
     "loss": {"kind", "pairs", "value", "image_to_text", "text_to_image"} or null}     in nats
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from vlmtui.display import numbers
from vlmtui.display.pieces import isolate, plain
from vlmtui.display.text_lines import COLUMNS, flow, labelled
from vlmtui.errors import UsageError
from vlmtui.images.image_file import ImageFile
from vlmtui.query.options import LoadOptions, ReadOptions, load_model, read_image
from vlmtui.reading import Floats, ModelInfo, Reading
from vlmtui.reports.formats import json
from vlmtui.reports.per_image import ImageFailure, run_per_image
from vlmtui.reports.run import ReportJob, write_contents
from vlmtui.results.image_text import ImageTextMatch, PairLoss, TextsRead
from vlmtui.session.client import SessionClient
from vlmtui.session.reconnecting import OnProgress
from vlmtui.session.typed_lenses.values import Find

SCHEMA = "vlmtui/match/1"
_NAME = 14  # cells before the numbers of a line
_CELL = 8
_NEAREST = 3
_SHOWN = 200  # characters of a text


@dataclass(frozen=True)
class MatchOptions:
    """The texts that images are matched with. `captions`: text i belongs to image i; `patches`: match patches too."""

    texts: tuple[str, ...]
    captions: bool = False
    patches: bool = False


@dataclass(frozen=True)
class MatchedImage:
    """The scores of one image: `caption` is the index of its own text, `patches` [texts, patches] are cosines."""

    reading: Reading
    texts: TextsRead
    match: ImageTextMatch
    caption: int | None
    patches: Floats | None


@dataclass(frozen=True)
class CaptionLoss:
    """The end of the results: the loss over images and their captions, None without captions or readable images."""

    loss: PairLoss | None


MatchPart = MatchedImage | CaptionLoss | ImageFailure


def run_match(options: MatchOptions, load: LoadOptions, read: ReadOptions, format: str, job: ReportJob) -> int:
    """Write the matrix of images and texts; return the exit status."""
    if format not in FORMATS:
        raise UsageError(f"match has no format {format!r}: choose {', '.join(FORMATS)}")
    if options.captions and len(options.texts) != len(job.sources):
        pictures = numbers.count(len(job.sources), "image")
        raise UsageError(
            f"--captions has {numbers.count(len(options.texts), 'text')} for {pictures}: give one per image"
        )
    write = FORMATS[format]

    def collect_images(start: Callable[[], SessionClient], progress: OnProgress) -> Any:
        reader = _MatchReader(options, load, read, progress, (lambda note: None) if job.quiet else job.on_note)
        yield from run_per_image(job.sources, reader, start)
        yield CaptionLoss(reader.loss)

    return write_contents(job, collect_images, lambda results: write(results, options))


@dataclass
class _MatchReader:
    """Reader that has the texts encoded once, then matches every image with them."""

    asked: MatchOptions
    options: LoadOptions
    read: ReadOptions
    progress: OnProgress
    tell: Callable[[str], object]
    loss: PairLoss | None = None
    texts: TextsRead | None = None
    rows: dict[int, Floats] = field(default_factory=dict)
    """Logits [texts] of each image that could be read, by its index."""

    def load(self, client: SessionClient) -> Future[ModelInfo]:
        return load_model(client, self.options, self.progress)

    def ready(self, client: SessionClient, model: ModelInfo) -> None:
        had_texts = self.texts is not None
        self.texts = client.texts(self.asked.texts, self.progress).result()
        for i in () if had_texts else self.texts.cut:
            self.tell(
                f"text {i + 1} is too long: of its {self.texts.lengths[i]} pieces {model.name} {_read(self.texts)}"
            )

    def look(self, client: SessionClient, source: ImageFile, index: int) -> MatchedImage:
        assert self.texts is not None
        reading = read_image(client, source, self.read, self.progress).result()
        match = client.match(reading.id, self.asked.texts, self.progress).result()
        patches = None
        if self.asked.patches:
            stage = self.texts.patch_stage
            values = [
                client.look(reading.id, stage, Find(text), on_progress=self.progress).result()
                for text in self.asked.texts
            ]
            patches = np.stack([result.numbers for result in values])
        self.rows[index] = match.logits
        return MatchedImage(reading, self.texts, match, index if self.asked.captions else None, patches)

    def done(self, client: SessionClient) -> None:
        if self.asked.captions and self.rows and self.texts is not None:
            pairs = sorted(self.rows)
            logits = np.stack([self.rows[i][pairs] for i in pairs])
            self.loss = client.loss(logits, self.texts.kind).result()


def _read(texts: TextsRead) -> str:
    return f"reads the first {texts.limit}"


def match_text(parts: Iterable[MatchPart], options: MatchOptions) -> Iterator[str]:
    """The model and the texts, then a block of lines an image, and the loss at the end."""
    is_begun = False
    for result in parts:
        if isinstance(result, MatchedImage):
            if not is_begun:
                yield from (f"{line.rstrip()}\n" for line in _head(result, options))
            yield from (f"{line.rstrip()}\n" for line in _block(result, first=not is_begun))
            is_begun = True
        elif isinstance(result, CaptionLoss) and result.loss is not None:
            yield from (f"{line.rstrip()}\n" for line in ["", *labelled("loss", _loss(result.loss))])


def _head(matched: MatchedImage, options: MatchOptions) -> Iterator[str]:
    model, texts = matched.reading.model, matched.texts
    yield from labelled("model", f"{plain(model.name)} · {model.family} · {model.parts}")
    yield from labelled("runs on", f"{model.device}, {model.dtype}")
    normalisation = {
        "softmax": "softmax over the texts: for one image they add up to 100%",
        "sigmoid": "sigmoid: each text separately, they need not add up to 100%",
    }
    among = ", softmax over the texts given: which suits best, if one does" if _compares(matched) else ""
    yield from labelled("numbers", f"probability ({normalisation[texts.kind]}){among}, cosine")
    if options.captions:
        yield from labelled("", "* marks an image's own caption")
    for i, text in enumerate(texts.texts):
        cut = f" ({texts.lengths[i]} pieces, of which the model {_read(texts)})" if i in texts.cut else ""
        shortened = plain(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…")
        yield from labelled("" if i else "texts", f"{i + 1}  {isolate(shortened)}{cut}")
    if options.patches:
        yield from labelled("patches", f"nearest first, row and column from 0; approximate, by {texts.patch_path}")
    yield ""


def _block(matched: MatchedImage, first: bool) -> Iterator[str]:
    """An image's name and scores in as many columns as fit, under the indices of the texts where needed."""
    match, count = matched.match, len(matched.texts.texts)
    num_columns = (COLUMNS - _NAME) // _CELL
    for start in range(0, count, num_columns):
        columns = range(start, min(start + num_columns, count))
        if first or count > num_columns:
            yield " " * _NAME + "".join(f"{i + 1:>{_CELL - 1}} " for i in columns).rstrip()
        if not start:
            yield isolate(plain(matched.reading.image.source))
        caption_marks = ["*" if i == matched.caption else " " for i in columns]
        shares = [numbers.percent(100 * float(match.probabilities[i])) for i in columns]
        yield _line(
            "  probability", [f"{share:>{_CELL - 1}}{mark}" for share, mark in zip(shares, caption_marks, strict=True)]
        )
        if _compares(matched):
            among = [numbers.percent(100 * float(share)) for share in match.softmax[columns.start : columns.stop]]
            yield _line("  softmax", [f"{share:>{_CELL - 1}} " for share in among])
        yield _line("  cosine", [f"{match.cosines[i]:>{_CELL - 1}.3f} " for i in columns])
    if matched.patches is not None:
        for i, row in enumerate(matched.patches):
            yield from flow([f"  near {i + 1:<7}", *_nearest(matched.reading, row)], "", indent=_NAME)


def _compares(matched: MatchedImage) -> bool:
    """Whether the softmax over the texts says more than the probabilities."""
    return matched.texts.kind == "sigmoid" and len(matched.texts.texts) > 1


def _line(name: str, cells: list[str]) -> str:
    return f"{name:<{_NAME}}{''.join(cells)}".rstrip()


def _nearest(reading: Reading, cosines: Floats) -> Iterator[str]:
    for patch in np.argsort(-cosines, kind="stable")[:_NEAREST]:
        place = reading.patch_places[patch]
        yield f"{place.row},{place.col} {cosines[patch]:.3f}   "


def _loss(loss: PairLoss) -> str:
    pairs = numbers.count(loss.pairs, "image with its caption", "images with their captions")
    value = f"{numbers.format_number(loss.value)} nats, the mean of {pairs}"
    if loss.image_to_text is None or loss.text_to_image is None:
        return f"{value}: pairwise sigmoid"
    image_loss, text_loss = numbers.format_number(loss.image_to_text), numbers.format_number(loss.text_to_image)
    return f"{value}: softmax both ways, {image_loss} from image to text and {text_loss} from text to image"


def match_json(parts: Iterable[MatchPart], options: MatchOptions) -> Iterator[str]:
    """One object, images written as they are computed; nothing where no image could be read."""
    is_begun = False
    for result in parts:
        if isinstance(result, MatchedImage):
            if is_begun:
                yield ",\n"
            else:
                yield f'{_encoded(_opening(result, options))[:-1]},"images":[\n'
            yield _encoded(_image(result))
            is_begun = True
        elif isinstance(result, CaptionLoss) and is_begun:
            yield f'\n],"loss":{_encoded(result.loss)}}}\n'


def _opening(matched: MatchedImage, options: MatchOptions) -> json.Object:
    texts = matched.texts
    return {
        "schema": SCHEMA,
        "model": json.model_and_image(matched.reading)["model"],
        "query": {"kind": texts.kind, "scale": texts.scale, "bias": texts.bias, "captions": options.captions},
        "texts": [
            {"text": text, "pieces": length, "read": min(length, texts.limit)}
            for text, length in zip(texts.texts, texts.lengths, strict=True)
        ],
        "patches": {"stage": texts.patch_stage, "approximate": texts.patch_path} if options.patches else None,
    }


def _image(matched: MatchedImage) -> json.Object:
    match = matched.match
    image: json.Object = {
        **json.model_and_image(matched.reading)["image"],
        "caption": matched.caption,
        "cosines": match.cosines.tolist(),
        "logits": match.logits.tolist(),
        "probabilities": match.probabilities.tolist(),
        "softmax": match.softmax.tolist(),
    }
    if matched.patches is not None:
        places = matched.reading.patch_places
        image["patches"] = [
            json.place_object(place) | {"cosines": matched.patches[:, i].tolist()} for i, place in enumerate(places)
        ]
    return image


def _encoded(value: Any) -> str:
    return msgspec.json.encode(value).decode()


FORMATS: dict[str, Callable[[Iterable[MatchPart], MatchOptions], Iterator[str]]] = {
    "text": match_text,
    "json": match_json,
}
