"""The protocol between a front end and a session: typed messages in length-prefixed MessagePack frames.

On the wire: `PREAMBLE` once in each direction, then frames of four bytes of length (big endian) and that many bytes.
The front end sends `Request`s, the session answers each with exactly one `Reply` (its `id`), after any number of
`Progress` notes with the same id. Arrays travel as (dtype, shape, bytes).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import msgspec
import numpy as np

from vlmtui.errors import ProtocolError
from vlmtui.reading import RIDGE, Layers, LayerWords, Metric, ModelInfo, Reading, Words

VERSION = 4
PREAMBLE = b"\x93vlmtui\x01"
MAX_FRAME = (1 << 30) + (1 << 20)
_LENGTH = struct.Struct(">I")
_T = TypeVar("_T")


class Hello(msgspec.Struct, frozen=True, tag=True):
    """Compare versions; answered by `Welcome` before torch is imported. Versions to come keep this and `Welcome`.

    `client` is a word of the front end's own making by which it is known again when its line is cut and it says hello
    once more, then with `resume`; without one it is forgotten as its line ends.
    """

    version: int = VERSION
    release: str = ""
    client: str = ""
    resume: bool = False


class Load(msgspec.Struct, frozen=True, tag=True):
    """Hold this model from now on; answered by `Loaded`, at once where it is held already.

    `device` and `dtype` may be "auto"; `base` is the folder that relative paths of this front end start from. With
    `layers` all of the language model's layers are held too; readings of the same model without them stay as they are.
    """

    model: str
    revision: str | None = None
    processor: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    base: str | None = None
    layers: bool = False


class Read(msgspec.Struct, frozen=True, tag=True):
    """Look at a picture with the model held; answered by `ReadDone`. `data` are the file's bytes."""

    source: str
    data: bytes
    sha256: str
    max_pixels: int
    prompt: str | None = None


class FindWords(msgspec.Struct, frozen=True, tag=True):
    """The nearest word-pieces of some image tokens (all without `tokens`); answered by `WordsFound`.

    `reading` is the id of a reading of this session; only recent ones are kept. At a stage `llm.i` the words are those
    with the largest logits, whatever `metric` says, and what `ReadLayers` does is done first.
    """

    reading: str
    metric: Metric
    k: int
    tokens: tuple[int, ...] | None = None
    all_tokens: bool = False
    stage: str = "tokens"
    ridge: float = RIDGE


class ReadLayers(msgspec.Struct, frozen=True, tag=True):
    """Run a reading's picture and prompt through the language model; answered by `LayersRead`.

    Its layers are loaded first where they are not held.
    """

    reading: str


class FindLayerWords(msgspec.Struct, frozen=True, tag=True):
    """The words of one image token after every layer of the language model; answered by `LayerWordsFound`."""

    reading: str
    token: int
    k: int
    all_tokens: bool = False


class Verify(msgspec.Struct, frozen=True, tag=True):
    """Hold a checkpoint against itself; answered by `Verified`. No model is held afterwards.

    The fields are those of `Load`; `whole` also fetches from the hub what only the comparison needs.
    """

    model: str
    revision: str | None = None
    processor: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    base: str | None = None
    whole: bool = False


class AskStatus(msgspec.Struct, frozen=True, tag=True):
    """What the session is and holds; answered by `Status` at once, whatever else is going on."""


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """Withdraw the request `target`; answered by `Done`. What cannot be stopped runs on and is not answered."""

    target: int


class Leave(msgspec.Struct, frozen=True, tag=True):
    """This front end goes for good, and will not resume; answered by `Done`."""


class Shutdown(msgspec.Struct, frozen=True, tag=True):
    """End the session; answered by `Done`."""


Question = (
    Hello | Load | Read | FindWords | ReadLayers | FindLayerWords | Verify | AskStatus | Cancel | Leave | Shutdown
)


class Request(msgspec.Struct, frozen=True):
    """A question with the id that its answer will carry."""

    id: int
    body: Question


class Welcome(msgspec.Struct, frozen=True, tag=True):
    """The session's own version, its process id, the file its log goes to, and the folder its code lies in.

    `resumed` says that the front end was known, and that what it had asked is still being answered.
    """

    version: int
    release: str
    pid: int
    log: str
    home: str = ""
    resumed: bool = False


class Loaded(msgspec.Struct, frozen=True, tag=True):
    """The model is held."""

    model: ModelInfo
    seconds: float


class ReadDone(msgspec.Struct, frozen=True, tag=True):
    """The picture was read."""

    reading: Reading


class WordsFound(msgspec.Struct, frozen=True, tag=True):
    """The words asked for."""

    reading: str
    words: Words


class LayersRead(msgspec.Struct, frozen=True, tag=True):
    """The language model was run."""

    layers: Layers


class LayerWordsFound(msgspec.Struct, frozen=True, tag=True):
    """The words asked for."""

    reading: str
    words: LayerWords


class Check(msgspec.Struct, frozen=True):
    """One line of a verification. `figure` is what was measured, or why it was not."""

    name: str
    result: Literal["pass", "fail", "unchecked"]
    figure: str


class Verified(msgspec.Struct, frozen=True, tag=True):
    """What came of every check, in a fixed order."""

    model: ModelInfo
    checks: tuple[Check, ...]
    seconds: float


class Status(msgspec.Struct, frozen=True, tag=True):
    """Memory in bytes: `process_memory` resident in RAM, `device_memory` allocated on the GPU (0 on a CPU).

    `torch` is None until it is imported; `devices` are the devices found, best first; `doing` what runs now;
    `clients` front ends use the session, and for `idle` seconds none has asked anything.
    """

    pid: int
    model: ModelInfo | None
    process_memory: int
    device_memory: int
    device_total: int
    torch: str | None
    transformers: str | None
    devices: tuple[str, ...]
    doing: str
    clients: int = 0
    idle: float = 0.0


class Done(msgspec.Struct, frozen=True, tag=True):
    """It was done, and there is nothing to say about it."""


class Failed(msgspec.Struct, frozen=True, tag=True):
    """It could not be done: `kind` as in `vlmtui.errors`, the sentence for a person, and the traceback for a log."""

    kind: str
    message: str
    detail: str = ""


class Progress(msgspec.Struct, frozen=True, tag=True):
    """What is being done for a request, and how far: `done` of `total`, 0 of 0 where that is not known."""

    doing: str
    done: int = 0
    total: int = 0


Answer = Welcome | Loaded | ReadDone | WordsFound | LayersRead | LayerWordsFound | Verified | Status | Done | Failed
Note = Progress


class Reply(msgspec.Struct, frozen=True):
    """An answer to, or a note about, the request `id`."""

    id: int
    body: Answer | Note


def _encode_array(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, np.ascontiguousarray(value).tobytes()
    raise TypeError(f"{type(value).__name__} cannot cross the pipe")


_ARRAY_KINDS = frozenset("fiub")


def _decode_array(wanted: type, value: Any) -> Any:
    origin = getattr(wanted, "__origin__", wanted)
    if origin is np.ndarray:
        kind, shape, data = value
        dtype = np.dtype(kind)
        if dtype.kind not in _ARRAY_KINDS:
            raise ProtocolError(f"an array of {dtype} cannot cross the pipe")
        return np.frombuffer(data, dtype=dtype).reshape(shape)
    raise TypeError(f"{wanted} cannot cross the pipe")


_encoder = msgspec.msgpack.Encoder(enc_hook=_encode_array)
_requests = msgspec.msgpack.Decoder(Request, dec_hook=_decode_array)
_replies = msgspec.msgpack.Decoder(Reply, dec_hook=_decode_array)


def frame(message: Request | Reply) -> bytes:
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


def decode_request(body: bytes) -> Request:
    """The request in a frame's body; `ProtocolError` for anything else."""
    return _decoded(_requests, body)


def decode_reply(body: bytes) -> Reply:
    """The reply in a frame's body; `ProtocolError` for anything else."""
    return _decoded(_replies, body)


def _decoded(decoder: msgspec.msgpack.Decoder[_T], body: bytes) -> _T:
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        raise ProtocolError(f"a message could not be understood ({error}): the two ends differ in version") from error
