"""Protocol between a front end and a session: typed messages.

The front end sends `Request`s; the session answers each with exactly one `Reply`, after any number of notes, all with
the id of the request. `wire` says how they travel.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from vlmtui.errors import ProtocolError, VlmtuiError, error_from_kind
from vlmtui.images.decoding import MAX_PIXELS
from vlmtui.images.image_file import ImageFile
from vlmtui.images.levels import Levels
from vlmtui.lenses.description import LensDescription
from vlmtui.lenses.kinds import Result
from vlmtui.lenses.lens_source import LensSource
from vlmtui.metrics import RIDGE, Metric
from vlmtui.reading import LayerNorms, ModelInfo, Reading, TokenWords
from vlmtui.results import answers
from vlmtui.session.wire import VERSION, decode, decoder

MANY_PICTURES = 64
"""At most this many images should go into one `ReadMany`: several passes of the model, and an answer of some MB."""
MANY_BYTES = 256 << 20
"""At most this many bytes of image files, unless a single file has more."""

# -- the connection


class Hello(msgspec.Struct, frozen=True, tag=True):
    """Greet the session and compare versions; answered by `Welcome`, before torch is imported.

    Later versions keep this message and `Welcome`. `client` is an arbitrary word by which the session recognises the
    front end when its connection was cut and it greets again, then with `resume`; without one the front end is
    forgotten when its connection ends.
    """

    version: int = VERSION
    release: str = ""
    client: str = ""
    resume: bool = False


class Welcome(msgspec.Struct, frozen=True, tag=True):
    """The session's version, its process id, the path of its log, and the folder that its code is in.

    `resumed` says that the front end was recognised, and that its requests are still being answered.
    """

    version: int
    release: str
    pid: int
    log: str
    home: str = ""
    resumed: bool = False


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """Withdraw the request `target`; answered by `Done`. What cannot be stopped goes on, and is not answered."""

    target: int


class Leave(msgspec.Struct, frozen=True, tag=True):
    """Leave for good: this front end will not resume; answered by `Done`."""


class Forget(msgspec.Struct, frozen=True, tag=True):
    """Discard what is kept of a reading, about which nothing more will be asked; answered by `Done`, gone or not."""

    reading: str


class Shutdown(msgspec.Struct, frozen=True, tag=True):
    """End the session; answered by `Done`."""


class Done(msgspec.Struct, frozen=True, tag=True):
    """The request was carried out, and has no result."""


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The request failed: `kind` as in `vlmtui.errors`, a sentence for the user, and the traceback for a log."""

    kind: str
    message: str
    detail: str = ""


class Progress(msgspec.Struct, frozen=True, tag=True):
    """A note on what is being done for a request, and how far it is: `done` of `total`, 0 of 0 where unknown."""

    doing: str
    done: int = 0
    total: int = 0


class AskStatus(msgspec.Struct, frozen=True, tag=True):
    """What the session is and has loaded; answered by `Status` at once, whatever else is going on."""


class Status(msgspec.Struct, frozen=True, tag=True):
    """State of the session. Memory is in bytes: `process_memory` resident in RAM, `device_memory` on the GPU (0 on a
    CPU).

    `torch` is None until it is imported; `devices` are the devices found, best first; `doing` is what runs now;
    `clients` front ends use the session, none of which has asked anything for `idle` seconds.
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


# -- models


class Load(msgspec.Struct, frozen=True, tag=True):
    """Load a model; answered by `Loaded`, at once where it is loaded already.

    `device` and `dtype` may be "auto"; `base` is the folder that relative paths of this front end start from. With
    `layers` the layers of the language model are loaded too; earlier readings of the same model stay valid.
    """

    model: str
    revision: str | None = None
    processor: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    base: str | None = None
    layers: bool = False


class Loaded(msgspec.Struct, frozen=True, tag=True):
    """The model is loaded."""

    model: ModelInfo
    seconds: float


class Verify(msgspec.Struct, frozen=True, tag=True):
    """Verify a checkpoint against its own full model; answered by `Verified`. Afterwards no model is loaded.

    The fields are those of `Load`; `whole` also fetches from the hub what only the comparison needs.
    """

    model: str
    revision: str | None = None
    processor: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    base: str | None = None
    whole: bool = False


class Check(msgspec.Struct, frozen=True):
    """One line of a verification. `figure` is what was measured, or why nothing was."""

    name: str
    result: Literal["pass", "fail", "unchecked"]
    figure: str


class Verified(msgspec.Struct, frozen=True, tag=True):
    """The result of every check, in a fixed order."""

    model: ModelInfo
    checks: tuple[Check, ...]
    seconds: float


# -- images


class Read(msgspec.Struct, frozen=True, tag=True):
    """Read an image with the loaded model; answered by `ReadDone`. `data` are the bytes of its file."""

    source: str
    data: bytes
    sha256: str
    max_pixels: int
    prompt: str | None = None
    levels: Levels = "auto"


class ReadDone(msgspec.Struct, frozen=True, tag=True):
    """The image was read."""

    reading: Reading


class ReadMany(msgspec.Struct, frozen=True, tag=True):
    """Read images with the loaded model, and find the words of all of their tokens; answered by `ReadManyDone`.

    The words are those that the lens `nearest-tokens` finds at `stage`, k a token; `pixels` has none, nor has
    `vision.i` unless it is `projected`. Nothing is kept: no question can be asked about these readings. Several such
    requests may wait for the model, and none replaces another. The answer depends on the message, the model and the
    machine alone, never on how long anything took: the same request has the same answer, byte for byte.
    """

    pictures: tuple[ImageFile, ...]
    stage: str
    metric: Metric
    k: int
    all_tokens: bool = False
    ridge: float = RIDGE
    projected: bool = False
    max_pixels: int = MAX_PIXELS
    prompt: str | None = None
    levels: Levels = "auto"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The result for one image of several: its `reading`, or why there is none.

    The reading has no id and no timings, and the words took 0 seconds. `words` are those of all image tokens, None
    where the stage has none; `layers` are the language model's, at `llm.i` only. `kind` and `message` are those of an
    error.
    """

    reading: Reading | None = None
    words: TokenWords | None = None
    layers: LayerNorms | None = None
    kind: str = ""
    message: str = ""

    @classmethod
    def failed(cls, error: VlmtuiError) -> Outcome:
        """The outcome of an image that could not be read."""
        return cls(kind=error.kind, message=str(error))

    @property
    def error(self) -> VlmtuiError | None:
        """Why there is no reading; None where there is one."""
        return error_from_kind(self.kind, self.message) if self.reading is None else None


class ReadManyDone(msgspec.Struct, frozen=True, tag=True):
    """The outcome of every image, in the order of the request."""

    outcomes: tuple[Outcome, ...]


# -- lenses


class Compute(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Apply a lens to a reading at a stage; answered by `Computed`.

    What the lens needs is computed first: the tower is run again, or the layers of the language model are loaded.
    `entries` are indices of the stage's entries, None for all; `answer` is the id of the reading's latest answer, ""
    for none; `k` is how many words are asked for. A lens of the vocabulary needs no reading. With `idle` the request
    is withdrawn as soon as the same front end asks anything else about readings.
    """

    lens: LensSource
    reading: str = ""
    stage: str = ""
    options: dict[str, Any] = msgspec.field(default_factory=dict)
    entries: tuple[int, ...] | None = None
    answer: str = ""
    k: int = 8
    idle: bool = False


class Computed(msgspec.Struct, frozen=True, tag=True):
    """The result of a lens."""

    result: Result


class Describe(msgspec.Struct, frozen=True, tag=True):
    """Describe a lens, or without one all that packages offer where the session runs; answered by `Described`.

    With `options` these are checked, and completed with the defaults of the others.
    """

    lens: LensSource | None = None
    options: dict[str, Any] | None = None


class Described(msgspec.Struct, frozen=True, tag=True):
    """The lenses asked about; of those that packages offer also the ones that cannot be used, with the reason.

    `options` are all options of the one lens, defaults included.
    """

    lenses: tuple[LensDescription, ...]
    options: dict[str, Any] = msgspec.field(default_factory=dict)


# -- generation


class Generate(msgspec.Struct, frozen=True, tag=True):
    """Have the model answer a question about a reading's image ("Describe the image." without one).

    Answered by `Generated`, after an `AnswerProgress` for every token. Greedy without a `temperature`. The layers of
    the language model are loaded first. When it is withdrawn it ends at the next token, and the answer so far is kept
    like a whole one.
    """

    reading: str
    question: str | None = None
    max_new_tokens: int = answers.MAX_NEW_TOKENS
    temperature: float | None = None
    seed: int = 0


class AnswerProgress(msgspec.Struct, frozen=True, tag=True):
    """A note that one more token was generated. `text` is the answer so far, `number` how many tokens it has.

    Over a slow connection some are left out. `answer` is "" where the question is asked again with image tokens
    replaced.
    """

    answer: str
    number: int
    token: answers.AnswerToken
    text: str


class Generated(msgspec.Struct, frozen=True, tag=True):
    """The whole answer."""

    reading: str
    answer: answers.Answer


# -- requests and replies

_OfModel = Load | Read | ReadMany | Compute | Describe | Generate | Verify
Question = Hello | _OfModel | AskStatus | Cancel | Leave | Forget | Shutdown
Answer = (
    Welcome | Loaded | ReadDone | ReadManyDone | Computed | Described | Generated | Verified | Status | Done | Failed
)
Note = Progress | AnswerProgress


class Request(msgspec.Struct, frozen=True):
    """A question with the id that its answer will carry."""

    id: int
    body: Question


class Reply(msgspec.Struct, frozen=True):
    """An answer to the request `id`, or a note about it."""

    id: int
    body: Answer | Note


class _RequestId(msgspec.Struct):
    """The id of a request whose body is not decoded."""

    id: int


_requests = decoder(Request)
_request_ids = decoder(_RequestId)
_replies = decoder(Reply)


def decode_request(body: bytes) -> Request:
    """The request in the body of a frame; `ProtocolError` for anything else."""
    return decode(_requests, body)


def request_id(body: bytes) -> int | None:
    """The id of a request, also of one that only another version understands; None for anything else."""
    try:
        return decode(_request_ids, body).id
    except ProtocolError:
        return None


def decode_reply(body: bytes) -> Reply:
    """The reply in the body of a frame; `ProtocolError` for anything else."""
    return decode(_replies, body)
