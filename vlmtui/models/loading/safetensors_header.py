"""Safetensors header: eight bytes of length, then JSON with the dtype, shape and position of every tensor."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vlmtui.files import broken_link

LENGTH_BYTES = 8
_MOST = 100 << 20  # the format's own limit


@dataclass(frozen=True)
class Tensor:
    """A tensor in a file: its key, its dtype as the format writes it, its shape, and its bytes [start, end)."""

    key: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int

    @property
    def size(self) -> int:
        """The size in bytes."""
        return self.end - self.start


def length(first: bytes) -> int:
    """The length of the JSON in bytes, from a file's first eight bytes. `ValueError` for an impossible length."""
    if len(first) < LENGTH_BYTES:
        raise ValueError("its header is truncated")
    (count,) = struct.unpack("<Q", first[:LENGTH_BYTES])
    if not 0 < count <= _MOST:
        raise ValueError("it does not begin with a safetensors header")
    return int(count)


def parse(text: bytes) -> tuple[list[Tensor], int]:
    """Parse a header's JSON: its tensors, and the size that the file must have. `ValueError` where it is damaged."""
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
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError, UnicodeDecodeError) as error:
        raise ValueError(f"its header is damaged ({error})") from error
    tensors.sort(key=lambda tensor: (tensor.start, tensor.end))
    return tensors, max((tensor.end for tensor in tensors), default=begin)


def read(file: Path) -> list[Tensor]:
    """Read the tensors of a file on this disk. `ValueError` where it is damaged or incomplete."""
    # a pipe would be waited for until somebody writes into it
    if not file.is_file():
        raise ValueError(broken_link(file) or "it is no regular file")
    size = file.stat().st_size
    with file.open("rb") as opened:
        count = length(opened.read(LENGTH_BYTES))
        if count > size:
            raise ValueError("its header is truncated")
        tensors, end = parse(opened.read(count))
    if size != end:
        raise ValueError(f"{size:,} bytes where {end:,} are expected")
    return tensors


def pack(tensors: Sequence[Tensor]) -> bytes:
    """The header of a file that holds these tensors consecutively, in this order."""
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
    at = 0
    for tensor in tensors:
        entries[tensor.key] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [at, at + tensor.size]}
        at += tensor.size
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % LENGTH_BYTES)  # data begins at a multiple of eight
    return struct.pack("<Q", len(text)) + text
