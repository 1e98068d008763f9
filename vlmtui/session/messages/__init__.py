"""The protocol between a front end and a session: typed messages, one module a matter.

The front end sends `Request`s, the session answers each with exactly one `Reply` (its `id`), after any number of notes
with the same id. `wire` says how they travel.
"""

from __future__ import annotations

import msgspec

from vlmtui.session.messages.answers import (
    Ablate,
    Ablated,
    Ask,
    Asked,
    AttentionFound,
    FindAttention,
    FindGradient,
    FindMask,
    GradientFound,
    MaskFound,
    Occlude,
    Occluded,
    Said,
)
from vlmtui.session.messages.belief import AgreementFound, FindAgreement, FindNull, NullFound
from vlmtui.session.messages.general import (
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
from vlmtui.session.messages.models import Check, Load, Loaded, Verified, Verify
from vlmtui.session.messages.pictures import LayersRead, Read, ReadDone, ReadLayers
from vlmtui.session.messages.values import FindValues, ValuesFound
from vlmtui.session.messages.wire import (
    MAX_FRAME,
    PREAMBLE,
    VERSION,
    decoded,
    decoder,
    frame,
    read_frame,
    read_preamble,
)
from vlmtui.session.messages.words import FindLayerWords, FindWords, LayerWordsFound, WordsFound

__all__ = [
    "MAX_FRAME",
    "PREAMBLE",
    "VERSION",
    "Ablate",
    "Ablated",
    "Answer",
    "Ask",
    "AgreementFound",
    "AskStatus",
    "Asked",
    "AttentionFound",
    "Cancel",
    "Check",
    "Done",
    "Failed",
    "FindAttention",
    "FindGradient",
    "FindLayerWords",
    "FindMask",
    "FindAgreement",
    "FindValues",
    "FindWords",
    "GradientFound",
    "Hello",
    "LayerWordsFound",
    "LayersRead",
    "FindNull",
    "Leave",
    "Load",
    "Loaded",
    "MaskFound",
    "Note",
    "Occlude",
    "Occluded",
    "Progress",
    "Question",
    "Read",
    "ReadDone",
    "ReadLayers",
    "Reply",
    "Request",
    "Said",
    "NullFound",
    "Shutdown",
    "Status",
    "ValuesFound",
    "Verified",
    "Verify",
    "Welcome",
    "WordsFound",
    "decode_reply",
    "decode_request",
    "frame",
    "read_frame",
    "read_preamble",
]

Question = (
    Hello
    | Load
    | Read
    | ReadLayers
    | FindWords
    | FindLayerWords
    | FindValues
    | Ask
    | FindAttention
    | FindGradient
    | Ablate
    | Occlude
    | FindMask
    | Verify
    | AskStatus
    | Cancel
    | Leave
    | Shutdown
)
    | FindNull
    | FindAgreement
Answer = (
    Welcome
    | Loaded
    | ReadDone
    | LayersRead
    | WordsFound
    | LayerWordsFound
    | ValuesFound
    | Asked
    | AttentionFound
    | GradientFound
    | Ablated
    | Occluded
    | MaskFound
    | Verified
    | Status
    | Done
    | Failed
)
# told of a request before its answer
Note = Progress | Said


class Request(msgspec.Struct, frozen=True):
    """A question with the id that its answer will carry."""
    | NullFound
    | AgreementFound

    id: int
    body: Question


class Reply(msgspec.Struct, frozen=True):
    """An answer to, or a note about, the request `id`."""

    id: int
    body: Answer | Note


_requests = decoder(Request)
_replies = decoder(Reply)


def decode_request(body: bytes) -> Request:
    """The request in a frame's body; `ProtocolError` for anything else."""
    return decoded(_requests, body)


def decode_reply(body: bytes) -> Reply:
    """The reply in a frame's body; `ProtocolError` for anything else."""
    return decoded(_replies, body)
