"""Command palette: every action of the explorer by name, and every overlay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from math import inf

from textual.command import DiscoveryHit, Hit, Hits, Provider

from vlmtui.display.pieces import plain
from vlmtui.tui.actions.key_table import ACTIONS
from vlmtui.tui.overlays.listing import overlays_of
from vlmtui.tui.screens.explorer import Explorer


class ActionCommands(Provider):
    """The actions, found by any part of their title or of a synonym, or by their key."""

    async def discover(self) -> Hits:
        """All of them, while nothing has been typed."""
        for title, help_, run, _ in self.commands():
            yield DiscoveryHit(title, run, help=help_ or None)

    async def search(self, query: str) -> Hits:
        """Those that match."""
        matcher = self.matcher(query)
        for title, help_, run, synonyms in self.commands():
            score = matcher.match(title)
            if help_ == query:
                # its key
                yield Hit(inf, title, run, help=help_)
            elif score > 0:
                yield Hit(score, matcher.highlight(title), run, help=help_ or None)
            elif synonyms and (score := matcher.match(synonyms)) > 0:
                yield Hit(score, title, run, help=help_ or None)

    def commands(self) -> Iterator[tuple[str, str, Callable[[], object], str]]:
        """Title, help, what is done, and synonyms: of the actions, then of the overlays."""
        for action in ACTIONS:
            yield action.title, action.key, partial(self.app.run_action, action.call, self.screen), action.synonyms
        screen = self.screen
        if isinstance(screen, Explorer):
            for overlay, line in overlays_of(screen.state.results):
                run = partial(self.app.run_action, f"screen.choose_overlay({overlay!r})", screen)
                yield f"Overlay: {plain(overlay)}", line, run, ""
