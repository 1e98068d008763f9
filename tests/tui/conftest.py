"""Waits of Textual's pilot that end when everything was handled, however busy the machine is, and no frames.

Its own waits end when the process has used little CPU time for 20 ms. Where others take the CPU that is so at once, and
the test goes on while its key is still on its way from the application to the screen.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from textual._compositor import Compositor
from textual._context import active_app, visible_screen_stack
from textual.geometry import Region
from textual.pilot import Pilot
from textual.screen import Screen

from vlmtui.tui.widgets import panels_side
from vlmtui.tui.widgets.panels_side import PanelsSide

ROUNDS = 200
QUIET = 2
"""Rounds without a message: one may be under way where it stands in no queue."""


async def everything_handled(min_sleep: float = 0, max_sleep: float = 1) -> None:
    """Return when no message of the application, its screens and widgets waits to be handled."""
    app = active_app.get()
    quiet = 0
    for _ in range(ROUNDS):
        await asyncio.sleep(0)  # what came from a thread is put into its queue
        pumps = [app, *(pump for screen in app.screen_stack for pump in screen.walk_children(with_self=True))]
        app.screen._on_timer_update()  # layout and paint are due 60 times a second: now
        waiting = any(pump.message_queue_size for pump in pumps) or any(s._callbacks for s in app.screen_stack)
        waiting = waiting or any(isinstance(pump, PanelsSide) and pump.follows for pump in pumps)
        quiet = 0 if waiting else quiet + 1
        if quiet == QUIET or not await Pilot(app)._wait_for_screen():
            return


@pytest.fixture(autouse=True)
def no_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """Widgets are drawn as for a terminal, but not put together to frames, which none receives: that took a quarter."""
    whole = Compositor.render_update

    def update(
        compositor: Compositor, full: bool = False, screen_stack: list[Screen] | None = None, simplify: bool = False
    ) -> object:
        if full:  # a screenshot
            return whole(compositor, full, screen_stack, simplify)
        visible_screen_stack.set(screen_stack or [])
        dirty, compositor._dirty_regions = compositor._dirty_regions, set()
        if dirty:
            for _ in compositor._get_renders(Region.from_union(dirty).intersection(compositor.size.region)):
                pass
        return None

    monkeypatch.setattr(Compositor, "render_update", update)


@pytest.fixture(autouse=True)
def exact_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("textual.app", "textual.pilot"):
        monkeypatch.setattr(f"{module}.wait_for_idle", everything_handled)
    monkeypatch.setattr(panels_side, "FOLLOW_S", 0.001)


@pytest.fixture
def warm_demo(warm_session: None) -> None:
    """The warm session has the demo model, as after a first start."""
    command = [sys.executable, "-m", "vlmtui", "session", "start", "-m", "demo", "--quiet"]
    subprocess.run(command, check=True)
