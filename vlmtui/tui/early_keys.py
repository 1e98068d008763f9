"""Early keys: what is typed before the model has read the image, and waits for it, in order."""

from __future__ import annotations

from textual import events
from textual.screen import Screen

from vlmtui.tui.actions.key_table import ACTIONS
from vlmtui.tui.actions.keymap import ANYWHERE
from vlmtui.tui.dialogs.layer import DialogLayer
from vlmtui.tui.state.explorer_state import ExplorerState

AT_ONCE = frozenset(("open", "model", "read", "restart", "full", "fold", "panel", "stop", "options", "save"))
"""Groups of actions that need no reading; those of the application and the help need none either,
and the dialog that saves waits itself."""
ASKS = frozenset(("go-to", "find", "image", "ask", "ablate"))
"""Actions that open a dialog: the keys behind them are for it."""
QUIT = "quit"


class EarlyKeys:
    """Keeps keys and pastes back while the image is being read, and gives them out once it was."""

    def __init__(self, screen: Screen[None], state: ExplorerState, dialogs: DialogLayer) -> None:
        self._screen, self._state, self._dialogs = screen, state, dialogs
        self._kept: list[events.Key | events.Paste] = []
        self._asks = False

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def waits(self) -> bool:
        """Whether a reading is on its way, and none is there."""
        return self._state.results.reading is None and not self._state.status.trouble

    def take(self, event: events.Event) -> bool:
        """Keep an event back; False for one that acts at once. Escape drops those that wait."""
        if not isinstance(event, events.Key | events.Paste) or not self.waits or self._dialogs.top is not None:
            return False
        if isinstance(event, events.Paste):
            return self._keep(event) if self._kept else False
        if event.key == "escape" and self._kept:
            self.drop()
            return True
        name = self._action(event.key)
        anywhere = event.key.startswith("ctrl+") and event.key in self._screen.active_bindings
        if anywhere or (name == QUIT and not self._asks):
            return False
        if not self._kept and (not name or name not in _WAITING):
            return False
        self._asks = event.key != "enter" if self._asks else name in ASKS
        return self._keep(event)

    def release(self) -> list[events.Key | events.Paste]:
        """What has waited, to be handled now."""
        kept = [
            events.Paste(one.text) if isinstance(one, events.Paste) else events.Key(one.key, one.character)
            for one in self._kept
        ]
        self.drop()
        return kept

    def drop(self) -> None:
        """Forget what waits."""
        self._kept.clear()
        self._asks = False

    def _keep(self, event: events.Key | events.Paste) -> bool:
        self._kept.append(event)
        return True

    def _action(self, key: str) -> str:
        """The name of the action of a key; "" for none."""
        active = self._screen.active_bindings.get(key)
        return (active.binding.id or "").removesuffix(ANYWHERE) if active is not None else ""


_WAITING = frozenset(one.name for one in ACTIONS if callable(one.do) and one.group not in AT_ONCE)
