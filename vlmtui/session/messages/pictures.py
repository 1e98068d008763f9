"""Reading pictures."""

from __future__ import annotations

import msgspec

from vlmtui.reading import Layers, Reading


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


class ReadLayers(msgspec.Struct, frozen=True, tag=True):
    """Run a reading's picture and prompt through the language model; answered by `LayersRead`.

    Its layers are loaded first where they are not held.
    """

    reading: str


class LayersRead(msgspec.Struct, frozen=True, tag=True):
    """The language model was run."""

    layers: Layers
