"""What goes over a line: a preamble, then frames of four bytes of length (big endian) and that many of MessagePack.

Arrays travel as (dtype, shape, bytes), numpy's own numbers as Python's.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import numpy as np

from vlmtui.errors import ProtocolError

VERSION = 8
PREAMBLE = b"\x93vlmtui\x01"
MAX_FRAME = (1 << 30) + (1 << 20)
_LENGTH = struct.Struct(">I")
_ARRAY_KINDS = frozenset("fiub")
_PLAIN: tuple[tuple[tuple[type, ...], Callable[[Any], Any]], ...] = (
    ((np.bool_,), bool),
    ((np.integer, int), int),
    ((np.floating, float), float),
    ((str,), str.__str__),
)
"""Numbers and texts of other types than Python's own, numpy's most often."""
_T = TypeVar("_T")


def encode_other(value: Any) -> Any:
    """What MessagePack has no word for, in words that it has; `TypeError` where there are none."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, np.ascontiguousarray(value).tobytes()
    for kinds, plain in _PLAIN:
        if isinstance(value, kinds):
            return plain(value)
    raise TypeError(f"{type(value).__name__} cannot cross the pipe")


def decode_array(wanted: type, value: Any) -> Any:
    """The array of (dtype, shape, bytes)."""
    origin = getattr(wanted, "__origin__", wanted)
    if origin is np.ndarray:
        kind, shape, data = value
        dtype = np.dtype(kind)
        if dtype.kind not in _ARRAY_KINDS:
            raise ProtocolError(f"an array of {dtype} cannot cross the pipe")
        return np.frombuffer(data, dtype=dtype).reshape(shape)
    raise TypeError(f"{wanted} cannot cross the pipe")


_encoder = msgspec.msgpack.Encoder(enc_hook=encode_other)


def decoder(kind: type[_T]) -> msgspec.msgpack.Decoder[_T]:
    """What makes messages of this kind out of the bodies of frames."""
    return msgspec.msgpack.Decoder(kind, dec_hook=decode_array)


def decoded(by: msgspec.msgpack.Decoder[_T], body: bytes) -> _T:
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
