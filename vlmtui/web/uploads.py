"""Bodies of requests: an image and its options. Read as they arrive, and stopped at the limit."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from vlmtui.images.image_file import ImageFile, shown_name
from vlmtui.metrics import Metric
from vlmtui.web.refusals import RefusedError

METRICS: dict[str, Metric] = {
    "omp": "omp",
    "ompp": "omp-positive",
    "l2": "l2",
    "cosine": "cosine",
    "dot": "dot",
}
"""Metrics by the values of the field `similarity`, the default first."""
WORDS = range(1, 21)
DEFAULT_WORDS = 10
_BESIDES = 1 << 16  # bytes that a form adds to its file
_DRAINED = 4  # times the limit: read and dropped, so that a client that reads the response only at its end gets it
_NAME = 200
_KNOWN = ("file", "address", "model", "similarity", "num_words")
_FIELDS = {*_KNOWN, "ticket"}  # the form's own, for its place in the queue


@dataclass(frozen=True)
class ImageRequest:
    """Options of a request."""

    model: str
    metric: Metric
    k: int


@dataclass(frozen=True)
class Upload:
    """A file, or the address of one, and the other fields of the form."""

    file: ImageFile | None
    address: str
    fields: Mapping[str, str]


def limit_body(request: Request, limit: int, too_large: RefusedError) -> Request:
    """The same request, whose body raises `too_large` after `limit` bytes."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > _DRAINED * limit:
        raise too_large
    size = 0

    async def receive() -> Message:
        nonlocal size
        message = await request.receive()
        size += len(message.get("body", b""))
        if size > limit:
            while message.get("more_body") and size <= _DRAINED * limit:
                message = await request.receive()
                size += len(message.get("body", b""))
            raise too_large
        return message

    return Request(request.scope, receive)


async def read_token(request: Request) -> str:
    """The field `token` of a small form, "" where it is missing. `RefusedError` 413 and 400 as in `read_upload`."""
    small = limit_body(request, _BESIDES, RefusedError(413, "that is longer than any token: type the server's token"))
    try:
        async with small.form(max_files=0, max_fields=1, max_part_size=_BESIDES) as form:
            word = form.get("token")
    except HTTPException as error:
        raise _unreadable(error) from None
    return word if isinstance(word, str) else ""


async def read_upload(request: Request, max_bytes: int) -> Upload:
    """The form of a request. `RefusedError` 413 where it is too large, 400 where it is not a form."""
    too_large = RefusedError(413, f"the image is larger than {max_bytes / (1 << 20):.3g} MiB: make it smaller")
    whole = limit_body(request, max_bytes + _BESIDES, too_large)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "multipart/form-data":
        raise RefusedError(400, "send the image as multipart/form-data, in the field `file`")
    try:
        async with whole.form(max_files=1, max_fields=16, max_part_size=1 << 14) as form:
            fields = {name: value for name, value in form.items() if isinstance(value, str)}
            sent = form.get("file")
            file = None
            if isinstance(sent, UploadFile) and (sent.filename or sent.size):
                data = await sent.read()
                file = ImageFile(_file_name(sent.filename), data, hashlib.sha256(data).hexdigest())
    except HTTPException as error:
        raise _unreadable(error) from None
    if isinstance(sent, str) and sent:
        raise RefusedError(400, "the field `file` is a text, not a file: send it as curl -F file=@photo.jpg does")
    address = fields.get("address", "").strip()
    if file is not None and address:
        raise RefusedError(400, "there are both a file and an address: send one of them")
    if file is None and not address:
        raise RefusedError(400, "there is no image: send one in the field `file`, or its address in `address`")
    if file is not None and len(file.data) > max_bytes:
        raise too_large
    return Upload(file, address, fields)


def parse_request(given: Mapping[str, str], models: tuple[str, ...]) -> ImageRequest:
    """Check the options of a request; `RefusedError` 400 names the choices."""
    if unknown := sorted(given.keys() - _FIELDS):
        raise RefusedError(400, f"there is no field {shown_name(unknown[0])[:_NAME]}: choose from {', '.join(_KNOWN)}")
    model = given.get("model") or models[0]
    if model not in models:
        raise RefusedError(400, f"model is not one of the models served here: {', '.join(models)}")
    similarity = given.get("similarity", "omp")
    metric = METRICS.get(similarity)
    if metric is None:
        raise RefusedError(400, f"similarity is not one of {', '.join(METRICS)}")
    number = given.get("num_words", str(DEFAULT_WORDS))
    if not (number.isascii() and number.isdecimal() and len(number) < 4 and int(number) in WORDS):
        raise RefusedError(400, f"num_words must be a number from {WORDS[0]} to {WORDS[-1]}")
    return ImageRequest(model, metric, int(number))


def _unreadable(error: HTTPException) -> RefusedError:
    why = error.detail.rstrip(".")
    return RefusedError(400, f"the form cannot be read ({why}): send it as curl -F file=@photo.jpg does")


def _file_name(name: str | None) -> str:
    """A file's name without folders, which some browsers send, and not `-`, which means standard input."""
    bare = shown_name(PurePath((name or "").replace("\\", "/")).name)[:_NAME]
    return bare if bare not in ("", "-") else "picture"
