"""Explorer: the screen that is composed of the image, the panels beside it and the bars; keys and messages end here.

It holds the state and the parts that change it, and shows what has changed. No part knows the screen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

from PIL import Image
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Event
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Static

from vlmtui.display.cell_layout import ZOOMS
from vlmtui.display.numbers import count
from vlmtui.tui import messages, navigation, needs
from vlmtui.tui.actions import answer, cursor, lens
from vlmtui.tui.actions.context import ActionContext
from vlmtui.tui.actions.key_table import action_named, bar_keys, help_sections
from vlmtui.tui.actions.keymap import bindings, given_keys
from vlmtui.tui.actions.situation import Situation
from vlmtui.tui.dialogs.dialog import Dialog
from vlmtui.tui.dialogs.help import HelpPage
from vlmtui.tui.dialogs.layer import DialogLayer
from vlmtui.tui.early_keys import EarlyKeys
from vlmtui.tui.notices import KEY, SESSION, Notices, matter_of
from vlmtui.tui.options import ExplorerSettings
from vlmtui.tui.panels.answer import AnswerTokenPointed
from vlmtui.tui.panels.cursor_facts import cursor_facts
from vlmtui.tui.panels.panel import Panel
from vlmtui.tui.panels.registry import PANELS, panels_named
from vlmtui.tui.requests import Requests
from vlmtui.tui.screens.compositor import VisibleCompositor
from vlmtui.tui.screens.layout import SMALLEST, Bars, ScreenLayout, arrange, gains_alone
from vlmtui.tui.screens.packing import PanelRows
from vlmtui.tui.session_events import SessionEvents
from vlmtui.tui.session_worker import SessionWorker
from vlmtui.tui.state.explorer_state import ExplorerState
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.status import SessionStatus, Work
from vlmtui.tui.state.subject import NOW, LayersLens, LensRequest
from vlmtui.tui.terminal import clipboard
from vlmtui.tui.widgets.bars import KeysBar, StatusBar, TitleBar, status_line, view_texts
from vlmtui.tui.widgets.image_side import ImageSide, LegendGrown, ZoomDrawn, image_cells
from vlmtui.tui.widgets.image_view import PatchPointed, ZoomScrolled
from vlmtui.tui.widgets.minimap import PixelPointed
from vlmtui.tui.widgets.pages_bar import PageClicked
from vlmtui.tui.widgets.panels_side import PanelsSide
from vlmtui.tui.widgets.path_bar import PathBar, StageClicked
from vlmtui.tui.widgets.word_legend_lines import WordPointed

FRAME_S = 0.35
"""How long a stage stands while the layers are played."""
IMAGE_NEEDS = (needs.overlay, needs.mask, needs.attribution, needs.image_level)
"""What is drawn over the image or beside it, in no panel."""


class Explorer(Screen[None]):
    """Look at the patches of an image."""

    BINDINGS = bindings(of_app=False)

    def __init__(
        self, worker: SessionWorker, picture: Image.Image, notify: Notices, settings: ExplorerSettings
    ) -> None:
        super().__init__()
        self._compositor = VisibleCompositor()
        self._notes = settings.notes
        self.panels = panels_named(settings.panels) if settings.panels else PANELS
        """The panels that may be seen, in their order."""
        query = worker.options.query
        self.state = ExplorerState(
            Results.of(worker.image, picture),
            Selection(
                metric=query.search.metric,
                k=query.search.k,
                fold=query.search.fold is not False,
                noise=query.search.noise is not False,
            ),
            SessionStatus(Work("starting the model session")),
        )
        self.dialogs = DialogLayer(self, notify)
        self._early = EarlyKeys(self, self.state, self.dialogs)
        self.requests = Requests(
            self._send, worker.cancel, [*(need for panel in self.panels for need in panel.needs), *IMAGE_NEEDS]
        )
        self._worker = worker
        self._notify = notify
        events = SessionEvents(self.state, self.requests, worker, self._notify)
        self._events = events
        self.context = ActionContext(
            self.state,
            self.requests,
            events,
            worker,
            self._dialog,
            self._notify,
            self._copy,
            self._panels,
            tuple((panel.name, panel.title) for panel in self.panels),
        )
        self._there: tuple[str, ...] = ()
        self._wake: Timer | None = None
        self._player: Timer | None = None

    def compose(self) -> ComposeResult:
        yield TitleBar(id="title")
        yield PathBar(id="path")
        with Container(id="body"):
            yield PanelsSide(self.panels, id="panels")
            yield ImageSide(id="picture-side")
        yield Static(id="too-small")
        yield StatusBar(id="status")
        yield KeysBar(id="keys")

    def on_mount(self) -> None:
        self.watch(self.app, "theme", self._show, init=False)
        self._worker.post = self.post_message
        self._show_bars()
        self._worker.begin()
        if self._worker.note:
            self._notify(self._worker.note, severity="warning", timeout=12, about=(SESSION,))
        if self._notes:
            self._notify("\n".join(self._notes), title="Settings", severity="warning", timeout=12, about=())
        # drawn after the first paint: an image that is there at compose is painted three times
        self.call_after_refresh(self._show)

    def on_resize(self) -> None:
        self._arrange()
        self.call_after_refresh(self._show)

    # keys, the mouse, messages

    # with a dialog open these are called by the palette over it alone: who asks for something else leaves the dialog

    def action_do(self, name: str) -> None:
        """Do an action of the table."""
        self.dialogs.leave()
        do = action_named(name).do
        assert callable(do)
        self._notify.over(KEY)
        do(self.context)
        self.bring_up_to_date()

    def action_help(self) -> None:
        """The keys."""
        self.dialogs.leave()
        sections, state = help_sections(self._keymap), self.state
        self._dialog(HelpPage(sections, state.results, state.selection.stage), lambda answer: None)

    def action_choose_overlay(self, name: str) -> None:
        """An overlay by its name."""
        self.dialogs.leave()
        lens.choose_overlay(self.context, name)
        self.bring_up_to_date()

    def interrupted(self) -> bool:
        """Stop what goes on, as Ctrl-C does; False where nothing does."""
        stopped = answer.interrupt(self.context)
        self.bring_up_to_date()
        return stopped

    def keep_early(self, event: Event) -> bool:
        """Keep a key back that needs the image to be read, until it was; whether it is dealt with."""
        kept = self._early.take(event)
        if kept:
            self._show_status()
        return kept

    @on(PatchPointed)
    def _patch_pointed(self, message: PatchPointed) -> None:
        put = navigation.place_cursor(self.state.selection, message.row, message.col)
        self._select(navigation.fit_selection(put, self.state.results))

    @on(WordPointed)
    def _word_pointed(self, message: WordPointed) -> None:
        self.state.to_segment(word=message.word)
        self.bring_up_to_date()

    @on(PixelPointed)
    def _pixel_pointed(self, message: PixelPointed) -> None:
        self._select(navigation.at_pixel(self.state.selection, self.state.results, message.x, message.y))

    @on(ZoomScrolled)
    def _zoom_scrolled(self, message: ZoomScrolled) -> None:
        self._select(navigation.zoom(self.state.selection, self.state.results, message.step, self.state.shrinks))

    @on(ZoomDrawn)
    def _zoom_drawn(self, message: ZoomDrawn) -> None:
        cursor.zoom_drawn(self.context, message.asked, message.drawn, message.shrinks)
        self._show_bars()

    @on(LegendGrown)
    def _legend_grown(self) -> None:
        self._arrange()
        self.query_one(ImageSide).show(self.state.results, self.state.selection)

    @on(PageClicked)
    def _page_clicked(self, message: PageClicked) -> None:
        self._select(navigation.at_page(self.state.selection, self.state.results, message.page))

    @on(StageClicked)
    def _stage_clicked(self, message: StageClicked) -> None:
        self._select(navigation.at_stage(self.state.selection, self.state.results, message.stage))

    @on(AnswerTokenPointed)
    def _token_pointed(self, message: AnswerTokenPointed) -> None:
        if self.state.generation.ready:
            self.state.look_at(token=message.token)
            self.bring_up_to_date()

    @on(messages.ImageOpened)
    @on(messages.ModelLoaded)
    @on(messages.ImageRead)
    @on(messages.SessionProgressed)
    @on(messages.RequestAnswered)
    @on(messages.RequestFailed)
    @on(messages.TokenGenerated)
    @on(messages.LensDescribed)
    @on(messages.SessionFailed)
    @on(messages.StatusReported)
    @on(messages.SessionLost)
    def _happened(self, message: Message) -> None:
        self._events.handle(message)
        if isinstance(message, messages.SessionProgressed | messages.StatusReported):
            self._show_status()
        else:
            self.bring_up_to_date()
        if self.state.status.trouble:
            self._early.drop()
        elif not self._early.waits:
            for early in self._early.release():
                self.app.post_message(early)

    # what the parts are given

    def _send(self, request: LensRequest) -> None:
        if isinstance(request.lens, LayersLens):
            self.state.status.work = Work("reading the language model's layers")
        if request.when == NOW:
            self._notify.over(matter_of(request))
        self._worker.send(request)

    def _dialog(self, dialog: Dialog[Any], then: Callable[[Any], None]) -> None:
        def answered(answer: Any) -> None:
            then(answer)
            self.bring_up_to_date()

        self.dialogs.open(dialog, answered)

    def _copy(self, text: str) -> str:
        return clipboard.copy(text, self.app.copy_to_clipboard)

    def _panels(self) -> tuple[str, ...]:
        results, selection = self.state.results, self.state.selection
        return tuple(panel.name for panel in self.panels if panel.applies(results, selection))

    # what follows from a change

    def _select(self, selection: Selection | None) -> None:
        if selection is not None and selection != self.state.selection:
            self.state.selection = selection
            self.bring_up_to_date()

    def bring_up_to_date(self) -> None:
        """Ask for what is needed now, and show what has changed."""
        state = self.state
        state.settle()
        if state.connected:
            self.requests.update(state.results, state.selection)
        self._show()

    def _tick(self) -> None:
        """Ask for what had to wait, and show no longer what was late."""
        self._wake = None
        if self.state.connected:
            self.requests.tick(self.state.results, self.state.selection)
        self._show()

    def _wake_later(self, late: float | None) -> None:
        waits = [wait for wait in (self.requests.wait if self.state.connected else None, late) if wait is not None]
        if self._wake is not None:
            self._wake.stop()
        self._wake = self.set_timer(min(waits), self._tick) if waits else None

    def _play(self) -> None:
        """The timer of playing, as long as the layers are played."""
        if self.state.playing and self._player is None:
            self._player = self.set_interval(FRAME_S, self.play_on)
        elif not self.state.playing and self._player is not None:
            self._player.stop()
            self._player = None

    def play_on(self) -> None:
        """The next stage that is played."""
        lens.play_on(self.context)
        self.bring_up_to_date()

    # what is shown

    def _show(self) -> None:
        results, selection = self.state.results, self.state.selection
        late = self.state.follow(time.monotonic)
        self._arrange()
        self._show_bars()
        self.query_one(ImageSide).show(results, selection)
        self.query_one(PanelsSide).show(results, selection)
        self._play()
        self._wake_later(late)

    def _show_bars(self) -> None:
        results, selection = self.state.results, self.state.selection
        title = self.query_one(TitleBar)
        title.show(results, selection)
        title.show_view(*view_texts(results, selection, self.state.shrinks))
        self.query_one(PathBar).show(results, selection)
        self._show_status()

    def _show_status(self) -> None:
        depth = None if self.app.no_color else self.app.console.color_system
        line = status_line(self.state.status, self.state.results.model, depth, self._worker.alive, self._worker.where)
        if self._early:
            line = line[0], f"{line[1]} · {count(len(self._early), 'key')} waiting (Esc drops them)", line[2]
        if self.state.panels.alone:
            line = *line[:2], cursor_facts(self.state.results, self.state.selection)
        self.query_one(StatusBar).report(*line)

    def _arrange(self) -> None:
        """Give image and panels their places, by the size of the terminal; or a sentence."""
        state, results, selection = self.state, self.state.results, self.state.selection
        room = state.panels
        there = [panel for panel in self.panels if panel.applies(results, selection)]
        names = tuple(panel.name for panel in there)
        come = [panel.name for panel in there if panel.name not in self._there and not panel.main and self._there]
        self._there = names
        plan = self._plan(there)
        if come and come[0] in plan.hidden:
            # one that has come because the person chose a lens is not looked for
            room.first = come[0]
            plan = self._plan(there)
        room.seen = tuple(plan.panels)
        self.set_class(plan.spacious, "spacious")
        self.set_class(plan.too_small, "too-small")
        self.set_class(room.alone, "alone")
        hidden = tuple(
            (number, panel.title)
            for number, panel in enumerate(self.panels, 1)
            if panel.name in names and panel.name not in plan.panels and not room.alone
        )
        at = Situation(results, selection, hidden, room.alone, plan.too_small)
        self.query_one(KeysBar).offer(bar_keys(at, self._keymap))
        if plan.too_small:
            there_is, least = self.app.size, "×".join(map(str, SMALLEST))
            sentence = f"{there_is.width}×{there_is.height} is too small: make the terminal at least {least}"
            self.query_one("#too-small", Static).update(Text(sentence))
        self.query_one(PanelsSide).lay_out(plan)
        self.query_one(ImageSide).lay_out(plan.image)

    def _plan(self, there: Sequence[Panel]) -> ScreenLayout:
        """The layout with those of the panels that are not folded."""
        results, selection, room = self.state.results, self.state.selection, self.state.panels
        seen = [panel for panel in there if panel.name not in room.folded]
        main = next((panel.name for panel in seen if panel.main), "")
        room.lead = room.first if room.first in {panel.name for panel in seen} else main
        # the same widths are tried in many arrangements
        rows = [
            PanelRows(
                panel.name,
                cache(partial(panel.rows, results, selection)),
                cache(partial(panel.least, results, selection)) if panel.least else None,
                panel.grows,
                panel.main,
                panel.columns,
                cache(partial(panel.gives, results, selection)),
            )
            for panel in seen
        ]
        image = partial(image_cells, results, selection)
        size = self.app.size.width, self.app.size.height
        bars = Bars(int(len(results.pages(selection.stage)) > 1), self.query_one(ImageSide).legend_rows)
        plan = arrange(size, rows, image, bars, room.lead, room.alone)
        if not room.alone:
            room.gains = selection.zoom > ZOOMS[0] or gains_alone(size, plan, image, bars)
        return plan

    @property
    def _keymap(self) -> dict[str, str]:
        """The keys that were given to actions instead of those of the table."""
        return given_keys(self.app._keymap)
