"""The protocol between a front end and a session: typed messages, one module a matter.

The front end sends `Request`s, the session answers each with exactly one `Reply` (its `id`), after any number of notes
with the same id. `wire` says how they travel.
"""

from __future__ import annotations

import msgspec

from vlmtui.errors import ProtocolError
from vlmtui.session.protocol.answers import Ask, Asked, Said
from vlmtui.session.protocol.compute import Compute, Computed, Describe, Described
from vlmtui.session.protocol.general import (
    AskStatus,
    Cancel,
    Done,
    Failed,
    Hello,
    Leave,
    Progress,
    Shutdown,
    Status,
    Welcome,
)
from vlmtui.session.protocol.many import MANY_BYTES, MANY_PICTURES, ManyRead, Outcome, ReadMany, Sent
from vlmtui.session.protocol.models import Check, Load, Loaded, Verified, Verify
from vlmtui.session.protocol.pictures import Read, ReadDone
from vlmtui.session.validation import checked
from vlmtui.session.wire import (
    MAX_FRAME,
    PREAMBLE,
    VERSION,
    decoded,
    decoder,
    frame,
    read_frame,
    read_preamble,
)

__all__ = [
    "MANY_BYTES",
    "MANY_PICTURES",
    "MAX_FRAME",
    "PREAMBLE",
    "VERSION",
    "Answer",
    "Ask",
    "AskStatus",
    "Asked",
    "Cancel",
    "Check",
    "Compute",
    "Computed",
    "Describe",
    "Described",
    "Done",
    "Failed",
    "Hello",
    "Leave",
    "Load",
    "Loaded",
    "ManyRead",
    "Note",
    "Outcome",
    "Progress",
    "Question",
    "Read",
    "ReadDone",
    "ReadMany",
    "Reply",
    "Request",
    "Said",
    "Sent",
    "Shutdown",
    "Status",
    "Verified",
    "Verify",
    "Welcome",
    "checked",
    "decode_reply",
    "decode_request",
    "frame",
    "read_frame",
    "read_preamble",
    "request_id",
]

Question = Hello | Load | Read | ReadMany | Compute | Describe | Ask | Verify | AskStatus | Cancel | Leave | Shutdown
Answer = Welcome | Loaded | ReadDone | ManyRead | Computed | Described | Asked | Verified | Status | Done | Failed
# told of a request before its answer
Note = Progress | Said


class Request(msgspec.Struct, frozen=True):
    """A question with the id that its answer will carry."""

    id: int
    body: Question


class Reply(msgspec.Struct, frozen=True):
    """An answer to, or a note about, the request `id`."""

    id: int
    body: Answer | Note


class _Numbered(msgspec.Struct):
    """A request of which nothing but the number is looked at."""

    id: int


_requests = decoder(Request)
_numbered = decoder(_Numbered)
_replies = decoder(Reply)


def decode_request(body: bytes) -> Request:
    """The request in a frame's body; `ProtocolError` for anything else."""
    return decoded(_requests, body)


def request_id(body: bytes) -> int | None:
    """The number of a request that may be one of another version; None where it is none at all."""
    try:
        return decoded(_numbered, body).id
    except ProtocolError:
        return None


def decode_reply(body: bytes) -> Reply:
    """The reply in a frame's body; `ProtocolError` for anything else."""
    return decoded(_replies, body)
