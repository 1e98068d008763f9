"""Between any front end and any session: greetings, what is going on, the end."""

from __future__ import annotations

import msgspec

from vlmtui.reading import ModelInfo
from vlmtui.session.wire import VERSION


class Hello(msgspec.Struct, frozen=True, tag=True):
    """Compare versions; answered by `Welcome` before torch is imported. Versions to come keep this and `Welcome`.

    `client` is a word of the front end's own making by which it is known again when its line is cut and it says hello
    once more, then with `resume`; without one it is forgotten as its line ends.
    """

    version: int = VERSION
    release: str = ""
    client: str = ""
    resume: bool = False


class AskStatus(msgspec.Struct, frozen=True, tag=True):
    """What the session is and holds; answered by `Status` at once, whatever else is going on."""


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """Withdraw the request `target`; answered by `Done`. What cannot be stopped runs on and is not answered."""

    target: int


class Leave(msgspec.Struct, frozen=True, tag=True):
    """This front end goes for good, and will not resume; answered by `Done`."""


class Shutdown(msgspec.Struct, frozen=True, tag=True):
    """End the session; answered by `Done`."""


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
