"""Reading pictures."""

from __future__ import annotations

import msgspec

from vlmtui.reading import Reading


class Read(msgspec.Struct, frozen=True, tag=True):
    """Look at a picture with the model held; answered by `ReadDone`. `data` are the file's bytes."""

    source: str
    data: bytes
    sha256: str
    max_pixels: int
    prompt: str | None = None


class ReadDone(msgspec.Struct, frozen=True, tag=True):
    """The picture was read."""

    reading: Reading
