"""Context of an action: the state that it changes, and the means to ask and to tell the person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vlmtui.tui.dialogs.dialog import Dialog
from vlmtui.tui.notices import Notices
from vlmtui.tui.requests import Requests
from vlmtui.tui.session_events import SessionEvents
from vlmtui.tui.session_worker import SessionWorker
from vlmtui.tui.state.explorer_state import ExplorerState


@dataclass(frozen=True)
class ActionContext:
    """What an action is given. The screen is brought up to date after it, and after the answer of a `dialog`."""

    state: ExplorerState
    requests: Requests
    events: SessionEvents
    worker: SessionWorker
    dialog: Callable[[Dialog[Any], Callable[[Any], None]], None]
    """Open a dialog, and take its answer, where there is one."""
    notify: Notices
    copy: Callable[[str], str]
    """Put a text on the clipboard."""
    panels: Callable[[], tuple[str, ...]]
    """The panels that there are now, by name."""
    numbered: tuple[tuple[str, str], ...]
    """All panels in the order of their numbers, from 1: name and title."""
