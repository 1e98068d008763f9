"""What goes over a line: a preamble, then frames of four bytes of length (big endian) and that many of MessagePack.

Arrays travel as (dtype, shape, bytes), numpy's own numbers as Python's.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TypeVar

import msgspec

from vlmtui.errors import ProtocolError
from vlmtui.lenses.arrays import decode_array, encode_other

VERSION = 10
PREAMBLE = b"\x93vlmtui\x01"
MAX_FRAME = (1 << 30) + (1 << 20)
_LENGTH = struct.Struct(">I")
_T = TypeVar("_T")


_encoder = msgspec.msgpack.Encoder(enc_hook=encode_other)


def decoder(kind: type[_T]) -> msgspec.msgpack.Decoder[_T]:
    """What makes messages of this kind out of the bodies of frames."""
    return msgspec.msgpack.Decoder(kind, dec_hook=decode_array)


def decode(by: msgspec.msgpack.Decoder[_T], body: bytes) -> _T:
    """The message in a frame's body; `ProtocolError` for anything else."""
    try:
        return by.decode(body)
    except ProtocolError:
        raise
    except Exception as error:  # whatever an array's strange shape, or a depth without end, makes of it
        raise ProtocolError(f"a message could not be understood ({error}): the two ends differ in version") from error


def frame(message: msgspec.Struct) -> bytes:
    """A message as it goes over the pipe: length and body."""
    body = _encoder.encode(message)
    if len(body) > MAX_FRAME:
        raise ProtocolError(f"a message of {len(body) >> 20} MiB is larger than the limit of {MAX_FRAME >> 20} MiB")
    return _LENGTH.pack(len(body)) + body


def read_frame(read: Callable[[int], bytes]) -> bytes | None:
    """The body of the next frame; None at a clean end. `read(n)` returns n bytes, fewer only at the end."""
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
    """Skip whatever a login shell prints before the other end speaks; `ProtocolError` where it never does."""
    seen = b""
    for _ in range(limit):
        byte = read(1)
        if not byte:
            break
        seen = (seen + byte)[-len(PREAMBLE) :]
        if seen == PREAMBLE:
            return
    raise ProtocolError("the other end does not speak vlmtui's protocol")
