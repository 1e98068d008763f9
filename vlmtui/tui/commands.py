"""Every action of the explorer by name, for the command palette, and every overlay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from vlmtui.display.pieces import plain
from vlmtui.tui.lensing import Lensing
from vlmtui.tui.overlays.legend import OPTIONS
from vlmtui.tui.overlays.listing import overlays_of
from vlmtui.tui.state.generation import ATTRIBUTIONS

ACTIONS: tuple[tuple[str, str, str], ...] = (
    ("Go to a patch or pixel", "g", "screen.go_to"),
    ("Page: the next tile or view", "t", "screen.turn(1)"),
    ("Page: the tile or view before", "T", "screen.turn(-1)"),
    ("Page: closer to the same spot", "z", "screen.closer"),
    ("Stage: one back", "[", "screen.walk(-1)"),
    ("Stage: one on", "]", "screen.walk(1)"),
    ("Metric: the next", "m", "screen.metric"),
    ("Words: the first after every layer", "w", "screen.by_layer"),
    ("Layers: leave them while they are being read", "Esc", "screen.leave_layers"),
    ("Words: one more", "+", "screen.more(1)"),
    ("Words: one fewer", "-", "screen.more(-1)"),
    ("Overlay: the next", "o", "screen.overlay"),
    (OPTIONS, "", "screen.lens_options"),
    ("Find: light up the patches near a word", "/", "screen.find"),
    ("Find: the next best patch", "n", "screen.next_best(1)"),
    ("Find: the best patch before", "N", "screen.next_best(-1)"),
    ("Whole picture: texts against it, or its classes", "c", "screen.whole"),
    ("Mark: the patch under the cursor", "Space", "screen.mark"),
    ("Mark: take all away", "U", "screen.unmark"),
    ("Outliers from picture to picture: position or content", "V", "screen.outliers"),
    ("Layers: play through them", "p", "screen.play"),
    ("Ask: put a question to the model", "a", "screen.ask"),
    ("Ask: stop the answer", "Esc", "screen.stop"),
    ("Ask: again without the marked patches (ablate)", "x", "screen.ablate"),
    ("Answer: the next token", ".", "screen.token(1)"),
    ("Answer: the token before", ",", "screen.token(-1)"),
    (f"Answer: {', '.join(ATTRIBUTIONS[:-1])}", "v", "screen.way"),
    ("Attention: the next layer", "}", "screen.layer(1)"),
    ("Attention: the layer before", "{", "screen.layer(-1)"),
    ("Attention: the next head", "H", "screen.head"),
    ("Occlusion map: make it", "O", "screen.occlude"),
    ("Attention mask: draw it", "K", "screen.mask"),
    ("Panel: the next", "Tab", "screen.panel"),
    ("Picture: open another", "i", "screen.open_picture"),
    ("Model: choose another", "M", "screen.choose_model"),
    ("Picture: read it again", "r", "screen.read_again"),
    ("Session: start again", "R", "screen.restart"),
    ("Patch: copy words, box and norms", "y", "screen.copy"),
    ("Report: save", "s", "screen.save"),
    ("Theme: dark or light", "", "app.dress"),
    ("Help: the keys", "?", "screen.help"),
    ("Screenshot: save as SVG", "", "app.picture_of_screen"),
    ("Stop what goes on; again where nothing does: quit", "Ctrl-C", "app.interrupt"),
    ("Suspend to the shell", "Ctrl-Z", "app.suspend_process"),
    ("Quit", "q", "app.leave"),
)


class Actions(Provider):
    """The actions, found by any part of their name."""

    async def discover(self) -> Hits:
        """All of them, while nothing has been typed."""
        for name, help_, run in self._all():
            yield DiscoveryHit(name, run, help=help_ or None)

    async def search(self, query: str) -> Hits:
        """Those that match."""
        matcher = self.matcher(query)
        for name, help_, run in self._all():
            if (score := matcher.match(name)) > 0:
                yield Hit(score, matcher.highlight(name), run, help=help_ or None)

    def _all(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """Name, help, and what is done: the actions, then the overlays."""
        for name, key, action in ACTIONS:
            yield name, key, partial(self.app.run_action, action, self.screen)
        screen = self.screen
        if isinstance(screen, Lensing):
            for overlay, line in overlays_of(screen.results):
                yield f"Overlay: {plain(overlay)}", line, partial(screen.choose_overlay, overlay)
