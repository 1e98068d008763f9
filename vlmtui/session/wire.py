"""Wire format: a preamble, then frames of a length (four bytes, big endian) and that many bytes of MessagePack.

Arrays are sent as (dtype, shape, bytes), numbers of numpy as those of Python.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TypeVar

import msgspec

from vlmtui.errors import ProtocolError
from vlmtui.lenses.arrays import decode_array, encode_other

VERSION = 11
PREAMBLE = b"\x93vlmtui\x01"
MAX_FRAME = (1 << 30) + (1 << 20)
_LENGTH = struct.Struct(">I")
_T = TypeVar("_T")
_encoder = msgspec.msgpack.Encoder(enc_hook=encode_other)


def decoder(kind: type[_T]) -> msgspec.msgpack.Decoder[_T]:
    """A decoder for messages of this type."""
    return msgspec.msgpack.Decoder(kind, dec_hook=decode_array)


def decode(by: msgspec.msgpack.Decoder[_T], body: bytes) -> _T:
    """The message in the body of a frame; `ProtocolError` for anything else."""
    try:
        return by.decode(body)
    except ProtocolError:
        raise
    except Exception as error:  # such as for an array of an impossible shape, or for nesting without end
        raise ProtocolError(
            f"a message could not be understood ({error}): the two ends may have different versions"
        ) from error


def frame(message: msgspec.Struct) -> bytes:
    """The frame of a message: its length and its body."""
    body = _encoder.encode(message)
    if len(body) > MAX_FRAME:
        raise ProtocolError(f"a message of {len(body) >> 20} MiB is larger than the limit of {MAX_FRAME >> 20} MiB")
    return _LENGTH.pack(len(body)) + body


def read_frame(read: Callable[[int], bytes]) -> bytes | None:
    """The body of the next frame; None at the end. `read(n)` returns n bytes, fewer only at the end."""
    head = read(_LENGTH.size)
    if not head:
        return None
    if len(head) < _LENGTH.size:
        raise ProtocolError("the pipe was closed in the middle of a message")
    (size,) = _LENGTH.unpack(head)
    if size > MAX_FRAME:
        raise ProtocolError(f"a message of {size} bytes is larger than the limit of {MAX_FRAME}")
    body = read(size)
    if len(body) < size:
        raise ProtocolError("the pipe was closed in the middle of a message")
    return body


def read_preamble(read: Callable[[int], bytes], limit: int = 1 << 16) -> None:
    """Skip everything before the preamble, such as what a login shell prints; `ProtocolError` where it never comes."""
    seen = b""
    for _ in range(limit):
        byte = read(1)
        if not byte:
            break
        seen = (seen + byte)[-len(PREAMBLE) :]
        if seen == PREAMBLE:
            return
    raise ProtocolError("the other end does not use vlmtui's protocol")
