"""The explorer: the picture with its cursor, the panels beside it, and the keys.

The screen holds the `View` (what a person has chosen) and the `Known` (what has arrived). A key changes the view, a
message adds to what is known; after either the widgets concerned are told, and each shows its own matter.
"""

from __future__ import annotations

from dataclasses import replace

from PIL import Image
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, Horizontal
from textual.screen import Screen
from textual.widgets import Static

from vlmtui.catalogue import on_disk
from vlmtui.errors import VlmtuiError
from vlmtui.grid import place_at_pixel
from vlmtui.reading import ModelInfo, check_stage, default_stage
from vlmtui.session.messages import Status
from vlmtui.tui import messages, overlays, saving
from vlmtui.tui.arrangement import PANELS, SMALLEST, arrange
from vlmtui.tui.asking import WordAsking
from vlmtui.tui.conversation import Conversation
from vlmtui.tui.dialogs import ChooseModel, Help, ask_picture, ask_place
from vlmtui.tui.view import Known, View, at_stage, fitted, walked
from vlmtui.tui.widgets.bars import KeysBar, LegendBar, PathBar, StageClicked, StatusBar, TitleBar, state_facts
from vlmtui.tui.widgets.norms import NormsPanel
from vlmtui.tui.widgets.patch import PatchPanel
from vlmtui.tui.widgets.picture import PatchPointed, PicturePlace, PictureView, PlaceResized
from vlmtui.tui.widgets.words import WordsPanel


class Explorer(Screen[None]):
    """Walk the patches of a picture."""

    BINDINGS = [
        Binding("left,h", "move(0,-1)", "left"),
        Binding("right,l", "move(0,1)", "right"),
        Binding("up,k", "move(-1,0)", "up"),
        Binding("down,j", "move(1,0)", "down"),
        Binding("home", "column('first')", "first column"),
        Binding("end", "column('last')", "last column"),
        Binding("pageup", "page(-1)", "up a page"),
        Binding("pagedown", "page(1)", "down a page"),
        Binding("g", "go_to", "go to a patch or pixel"),
        Binding("left_square_bracket", "walk(-1)", "stage back"),
        Binding("right_square_bracket", "walk(1)", "stage on"),
        Binding("m", "metric", "next metric"),
        Binding("plus,equals_sign", "more(1)", "more words"),
        Binding("minus", "more(-1)", "fewer words"),
        Binding("o", "overlay", "next overlay"),
        Binding("tab", "panel", "next panel"),
        Binding("i", "open_picture", "another picture"),
        Binding("M", "choose_model", "another model"),
        Binding("R", "restart", "start the model session again"),
        Binding("y", "copy", "copy the patch"),
        Binding("s", "save", "save the report"),
        Binding("question_mark", "help", "help"),
    ]

    def __init__(self, conversation: Conversation, picture: Image.Image) -> None:
        super().__init__()
        options = conversation.options
        self._conversation = conversation
        self._known = Known.of(conversation.image, picture)
        self._view = View(metric=options.query.metric, k=options.query.k)
        self._opening = True
        self._panel = PANELS[0]
        self._trouble = ""
        self._work = messages.WorkProgressed("starting the model session")
        self._status: Status | None = None
        self._seconds: tuple[str, float] | None = None
        self._asking = WordAsking()
        self._drawn: object = None
        self._current = False

    def compose(self) -> ComposeResult:
        yield TitleBar(id="title")
        yield PathBar(id="path")
        with Horizontal(id="body"):
            with PicturePlace(id="picture-side"):
                yield PictureView(id="picture")
                yield LegendBar(id="legend")
            with Container(id="panels"):
                yield WordsPanel(id="words")
                yield NormsPanel(id="norms")
                yield PatchPanel(id="patch")
        yield Static(id="too-small")
        yield StatusBar(id="status")
        yield KeysBar(id="keys")

    def on_mount(self) -> None:
        self.watch(self.app, "theme", self._show_all, init=False)
        self._conversation.post = self.post_message
        self._show_lines()
        self._conversation.begin()
        # drawn after the first paint: a picture that is there at compose is painted three times
        self.call_after_refresh(self._show_all)

    def on_resize(self) -> None:
        self._arrange()
        self.call_after_refresh(self._show_all)

    # what arrives

    @on(messages.ModelLoaded)
    def _model_loaded(self, message: messages.ModelLoaded) -> None:
        self._known.model = message.model
        self._trouble = ""
        self._conversation.status()
        self._show_lines()

    @on(messages.PictureRead)
    def _picture_read(self, message: messages.PictureRead) -> None:
        known, reading = self._known, message.reading
        known.reading, known.model = reading, reading.model
        known.books.clear()
        known.alive = True
        self._asking.forget()
        self._current = True
        self._drawn = None
        self._trouble = ""
        self._work = messages.WorkProgressed("")
        self._seconds = ("read", sum(reading.timings.values()))
        self._view = self._opened(reading.model) if self._opening else at_stage(self._view, known, self._view.stage)
        self._opening = False
        self._conversation.status()
        self._ask_words()
        self._show_all()

    @on(messages.WordsArrived)
    def _words_arrived(self, message: messages.WordsArrived) -> None:
        words = message.words
        if not self._asking.answered(self._known, message.reading, words):
            return
        self._seconds = ("words", words.seconds)
        self._ask_words()
        self._show_panels()
        self._show_state()
        if self._view.overlay == "words":
            self._show_picture()

    @on(messages.WorkProgressed)
    def _work_progressed(self, message: messages.WorkProgressed) -> None:
        self._work = message
        self._show_state()

    @on(messages.StatusArrived)
    def _status_arrived(self, message: messages.StatusArrived) -> None:
        self._status = message.status
        self._show_state()

    @on(messages.WorkFailed)
    def _work_failed(self, message: messages.WorkFailed) -> None:
        self._work = messages.WorkProgressed("")
        self._trouble = message.sentence if self._known.reading is None else ""
        self.notify(message.sentence, title=message.what, severity="error", timeout=12, markup=False)
        self._show_state()

    @on(messages.SessionDied)
    def _session_died(self, message: messages.SessionDied) -> None:
        self._work = messages.WorkProgressed("")
        self._status = None
        self._current = self._known.alive = False
        self._trouble = f"R starts it again: {message.reason}"
        self._asking.forget()
        self._show_state()
        self._show_panels()

    @on(messages.PictureOpened)
    def _picture_opened(self, message: messages.PictureOpened) -> None:
        self._known = Known.of(message.source, message.picture, self._known.model)
        self._current = False
        self._drawn = None
        self._conversation.read(message.source)
        if self._conversation.alive:
            self._work = messages.WorkProgressed("reading the picture")
        self._show_all()

    # keys

    def action_move(self, rows: int, cols: int) -> None:
        """Move the cursor; the edges hold."""
        self._go(self._view.row + rows, self._view.col + cols)

    def action_column(self, which: str) -> None:
        """To the first or last column."""
        self._go(self._view.row, 0 if which == "first" else self._known.shape(self._view.stage)[1] - 1)

    def action_page(self, direction: int) -> None:
        """A quarter of the picture up or down."""
        self._go(self._view.row + direction * max(1, self._known.shape(self._view.stage)[0] // 4), self._view.col)

    @on(PatchPointed)
    def _pointed(self, message: PatchPointed) -> None:
        self._go(message.row, message.col)

    @on(StageClicked)
    def _stage_clicked(self, message: StageClicked) -> None:
        self._choose(at_stage(self._view, self._known, message.stage))

    def action_walk(self, step: int) -> None:
        """Along the path."""
        self._choose(walked(self._view, self._known, step))

    def action_metric(self) -> None:
        """The next metric."""
        self._choose(self._view.next_metric())
        self._ask_words()
        self._show_panels()

    def action_more(self, step: int) -> None:
        """More or fewer words."""
        self._choose(self._view.with_k(self._view.k + step))
        self._arrange()
        self._ask_words()
        self._show_panels()

    def action_overlay(self) -> None:
        """The next overlay."""
        self._choose(self._view.next_overlay())

    def action_panel(self) -> None:
        """The next panel, where not all are seen."""
        self._panel = PANELS[(PANELS.index(self._panel) + 1) % len(PANELS)]
        self._arrange()
        self.call_after_refresh(self._show_panels)

    def action_help(self) -> None:
        """The keys."""
        self.app.push_screen(Help())

    def action_go_to(self) -> None:
        """Ask for a row and column or a pixel."""
        rows, cols = self._known.shape(self._view.stage)
        if rows:
            self.app.push_screen(
                ask_place(rows, cols, self._at_pixel), lambda place: self._go(*place) if place else None
            )

    def action_open_picture(self) -> None:
        """Ask for another picture."""

        def open_it(source: str | None) -> None:
            if source:
                self._work = messages.WorkProgressed("opening the picture")
                self._show_state()
                self._conversation.open(source)

        self.app.push_screen(ask_picture(), open_it)

    def action_choose_model(self) -> None:
        """Ask for another model."""

        def load(name: str | None) -> None:
            if name:
                self._trouble = ""
                self._current = False
                self._conversation.load(name)

        self.app.push_screen(ChooseModel(on_disk(), self._conversation.model), load)

    def action_restart(self) -> None:
        """Start the session again, keeping picture and cursor."""
        if self._conversation.alive and (self._current or self._work.doing):
            self.notify("the model session is running", timeout=3)
            return
        self._trouble = ""
        self._conversation.begin()

    def action_copy(self) -> None:
        """Copy what is known of the patch to the terminal's clipboard."""
        if text := saving.patch_text(self._known, self._view):
            self.app.copy_to_clipboard(text)
            self.notify("copied the patch's words, box and norms", timeout=3)

    def action_save(self) -> None:
        """Ask where, then write the report."""
        self.app.push_screen(saving.ask_name(self._known.image.source), lambda name: self._save(name) if name else None)

    # the rest

    def _save(self, name: str) -> None:
        try:
            written = saving.save(name, self._known, self._view, self._conversation.options.query)
        except VlmtuiError as error:
            self.notify(str(error), title="the report was not saved", severity="error", timeout=12, markup=False)
        else:
            self.notify(f"saved {written}", timeout=5, markup=False)

    def _opened(self, model: ModelInfo) -> View:
        """The view that the command line asked for, on the first reading: its stage, its patch or the middle one."""
        query = self._conversation.options.query
        stage = default_stage(model)
        try:
            stage = check_stage(stage if query.stage is None else query.stage, model)
        except VlmtuiError as error:
            self._complain(str(error))
        rows, cols = self._known.shape(stage)
        patch = query.patch
        row, col = (patch.row, patch.col) if patch else (rows // 2, cols // 2)
        if row >= rows or col >= cols:
            self._complain(f"there is no patch in row {row}, column {col}: the grid has {rows} × {cols}")
        return fitted(replace(self._view, stage=stage, row=row, col=col), self._known)

    def _complain(self, sentence: str) -> None:
        self.notify(sentence, severity="error", timeout=12, markup=False)

    def _at_pixel(self, x: float, y: float) -> tuple[int, int] | None:
        reading = self._known.reading
        place = place_at_pixel(reading.places_at(self._view.stage), x, y) if reading else None
        return (place.row, place.col) if place and place.row is not None and place.col is not None else None

    def _go(self, row: int, col: int) -> None:
        before = self._view
        self._view = fitted(replace(before, row=row, col=col), self._known)
        if self._view == before or self._known.reading is None:
            return
        self.query_one(PictureView).move_cursor(self._view.row, self._view.col)
        self._ask_words()
        self._show_panels()

    def _choose(self, view: View) -> None:
        """Take another view and show what differs."""
        before, self._view = self._view, view
        if view == before:
            return
        if view.stage != before.stage:
            self.query_one(PathBar).show(self._known.model, view.stage)
            self._ask_words()
        if view.overlay != before.overlay or (view.stage != before.stage and view.overlay != "none"):
            self._show_picture()
        elif view.stage != before.stage:
            self.query_one(PictureView).move_cursor(view.row, view.col)
        self._show_panels()

    def _ask_words(self) -> None:
        if self._current:
            for book, tokens in self._asking.next(self._known, self._view):
                self._conversation.words(book.reading, book.metric, book.k, tokens)

    def _arrange(self) -> None:
        """Side by side, one above the other, or a sentence, by the size of the terminal."""
        size = self.app.size.width, self.app.size.height
        plan = arrange(size, self._view.k, self._known.shape(self._view.stage)[0], self._panel)
        self.set_class(plan.narrow, "narrow")
        self.set_class(plan.too_small, "too-small")
        keys = self.query_one(KeysBar)
        if keys.narrow != plan.narrow:
            keys.narrow = plan.narrow
            keys.rebuild()
        if plan.too_small:
            sentence = f"{size[0]}×{size[1]} is too small: make the terminal at least {SMALLEST[0]}×{SMALLEST[1]}"
            self.query_one("#too-small", Static).update(Text(sentence))
        panels = self.query_one("#panels")
        panels.styles.width = plan.width or "1fr"
        panels.styles.height = plan.height or "1fr"
        for name in PANELS:
            widget = self.query_one(f"#{name}")
            widget.display = name in plan.heights
            widget.styles.height = plan.heights.get(name, 1)

    def _show_all(self) -> None:
        self._arrange()
        self._show_lines()
        self._show_panels()
        self._show_picture()

    def _show_lines(self) -> None:
        known = self._known
        self.query_one(TitleBar).show(known.image, known.model)
        self.query_one(PathBar).show(known.model, self._view.stage)
        self._show_state()

    def _show_panels(self) -> None:
        known, view = self._known, self._view
        self.query_one(WordsPanel).show(known, view)
        self.query_one(NormsPanel).show(known, view)
        self.query_one(PatchPanel).show(known, view)

    @on(PlaceResized)
    def _show_picture(self) -> None:
        picture = self.query_one(PictureView)
        side = self.query_one("#picture-side").size
        room = side.width, side.height - 1
        if room[0] < 2 or room[1] < 1:
            return
        cursor = (self._view.row, self._view.col) if self._known.reading is not None else None
        key = overlays.key(self._known, self._view, room)
        if key == self._drawn:
            if cursor:
                picture.move_cursor(*cursor)
            return
        self._drawn = key
        drawn = overlays.draw(self._known, self._view, room)
        picture.styles.height = min(drawn.layout.height + (drawn.layout.width > room[0]), room[1])
        picture.show(drawn.pixels, drawn.layout, cursor, drawn.words)
        self.query_one("#legend", LegendBar).show(drawn.legend, drawn.scale)

    def _show_state(self) -> None:
        work, bar = self._work, self.query_one(StatusBar)
        depth = None if self.app.no_color else self.app.console.color_system
        facts = state_facts(self._known.model, self._status, self._seconds, depth)
        if self._trouble:
            bar.show("outlier", self._trouble, facts)
        elif work.doing:
            share = f" {100 * work.done // work.total}%" if work.total else ""
            bar.show("accent", f"{work.doing}{share}", facts)
        else:
            bar.show("alive" if self._conversation.alive else "dim", "", facts)
