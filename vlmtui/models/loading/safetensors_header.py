"""The head of a safetensors file: eight bytes of length, JSON with every tensor's place, then the numbers."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LENGTH_BYTES = 8
_MOST = 100 << 20  # what the format allows


@dataclass(frozen=True)
class Tensor:
    """A tensor in a file: its key, dtype as the format writes it, shape, and bytes [start, end) of the whole file."""

    key: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int

    @property
    def size(self) -> int:
        """Bytes."""
        return self.end - self.start


def length(first: bytes) -> int:
    """How long the JSON is, from a file's first eight bytes. `ValueError` where that can be no length."""
    if len(first) < LENGTH_BYTES:
        raise ValueError("its header is cut short")
    (count,) = struct.unpack("<Q", first[:LENGTH_BYTES])
    if not 0 < count <= _MOST:
        raise ValueError("it does not begin with a safetensors header")
    return int(count)


def parse(text: bytes) -> tuple[list[Tensor], int]:
    """The tensors that a header's JSON tells of, and how long its file must be. `ValueError` where it is damaged."""
    try:
        entries: dict[str, Any] = json.loads(text)
        begin = LENGTH_BYTES + len(text)
        tensors = []
        for key, entry in entries.items():
            if key != "__metadata__":
                first, last = entry["data_offsets"]
                if not 0 <= first <= last:
                    raise ValueError(f"{key} ends before it begins")
                shape = tuple(int(n) for n in entry["shape"])
                tensors.append(Tensor(key, str(entry["dtype"]), shape, begin + first, begin + last))
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise ValueError(f"its header is damaged ({error})") from None
    tensors.sort(key=lambda tensor: (tensor.start, tensor.end))
    return tensors, max((tensor.end for tensor in tensors), default=begin)


def read(file: Path) -> list[Tensor]:
    """The tensors of a file on this disk. `ValueError` where it is damaged or half-written, `OSError` as usual."""
    size = file.stat().st_size
    with file.open("rb") as opened:
        count = length(opened.read(LENGTH_BYTES))
        if count > size:
            raise ValueError("its header is cut short")
        tensors, end = parse(opened.read(count))
    if size != end:
        raise ValueError(f"{size:,} bytes where {end:,} belong")
    return tensors


def pack(tensors: Sequence[Tensor]) -> bytes:
    """The head of a file that holds these tensors, one after another, in this order."""
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
    at = 0
    for tensor in tensors:
        entries[tensor.key] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [at, at + tensor.size]}
        at += tensor.size
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % LENGTH_BYTES)  # the numbers begin at a multiple of eight
    return struct.pack("<Q", len(text)) + text
