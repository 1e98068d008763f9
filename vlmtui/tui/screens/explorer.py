"""The explorer: the picture with its cursor, the panels beside it, and the keys.

The screen holds the `Selection` (what a person has chosen) and the `Results` (what has arrived). A key changes the
selection, a message adds to the results; after either the widgets concerned are told.
"""

from __future__ import annotations

from dataclasses import replace

from PIL import Image
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.widgets import Static

from vlmtui.catalogue import models_on_disk
from vlmtui.errors import VlmtuiError
from vlmtui.tui import export, messages, navigation
from vlmtui.tui.keys import keys
from vlmtui.tui.panels import answer
from vlmtui.tui.panels.layer_words import wanted_rows
from vlmtui.tui.screens.dialogs import ChooseModel, HelpScreen, ask_picture, ask_place
from vlmtui.tui.screens.layout import FACTS, NARROW, PANELS, SMALLEST, answer_rows, arrange, panel_cells, panels
from vlmtui.tui.session_worker import SessionWorker
from vlmtui.tui.speaking import Speaking
from vlmtui.tui.state import lens_panel
from vlmtui.tui.state.results import Selection
from vlmtui.tui.state.stages import ANSWER, llm_depth
from vlmtui.tui.widgets.bars import KeysBar, StatusBar, TitleBar
from vlmtui.tui.widgets.image_side import ImageSide, PixelPointed
from vlmtui.tui.widgets.image_view import PatchPointed
from vlmtui.tui.widgets.pages_bar import PageClicked
from vlmtui.tui.widgets.panels_side import PanelsSide
from vlmtui.tui.widgets.path_bar import PathBar, StageClicked


class Explorer(Speaking):
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
        Binding("t", "turn(1)", "next page"),
        Binding("T", "turn(-1)", "page before"),
        Binding("z", "closer", "closer"),
        Binding("g", "go_to", "go to a patch or pixel"),
        Binding("left_square_bracket", "walk(-1)", "stage back"),
        Binding("right_square_bracket", "walk(1)", "stage on"),
        Binding("w", "by_layer", "first words by layer"),
        Binding("m", "metric", "next metric"),
        Binding("plus,equals_sign", "more(1)", "more words"),
        Binding("minus", "more(-1)", "fewer words"),
        Binding("o", "overlay", "next overlay"),
        Binding("tab", "panel", "next panel"),
        Binding("i", "open_picture", "another picture"),
        Binding("M", "choose_model", "another model"),
        Binding("r", "read_again", "read the picture again"),
        Binding("R", "restart", "start the model session again"),
        Binding("y", "copy", "copy the patch"),
        Binding("s", "save", "save the report"),
        Binding("question_mark", "help", "help"),
    ]

    def __init__(self, worker: SessionWorker, picture: Image.Image) -> None:
        super().__init__(worker, picture)
        self._panel = PANELS[0]
        self._faced = False

    def compose(self) -> ComposeResult:
        yield TitleBar(id="title")
        yield PathBar(id="path")
        with Horizontal(id="body"):
            yield ImageSide(id="picture-side")
            yield PanelsSide(id="panels")
        yield Static(id="too-small")
        yield StatusBar(id="status")
        yield KeysBar(id="keys")

    def on_mount(self) -> None:
        self.watch(self.app, "theme", self._show_all, init=False)
        self._worker.post = self.post_message
        self._show_lines()
        self._worker.begin()
        if self._worker.note:
            self.notify(self._worker.note, severity="warning", timeout=12, markup=False)
        # drawn after the first paint: a picture that is there at compose is painted three times
        self.call_after_refresh(self._show_all)

    def on_resize(self) -> None:
        self._arrange()
        self.call_after_refresh(self._show_all)

    # keys

    def action_move(self, rows: int, cols: int) -> None:
        """Move the cursor; the edges hold."""
        self._choose(navigation.moved(self._selection, self._results, rows, cols))

    def action_column(self, which: str) -> None:
        """To the first or last column."""
        self._choose(navigation.to_column(self._selection, self._results, which == "last"))

    def action_page(self, direction: int) -> None:
        """A quarter of the page up or down."""
        if page := self._results.page(self._selection):
            self.action_move(direction * max(1, page.rows // 4), 0)

    def action_turn(self, step: int) -> None:
        """The next page: whole view, tiles, tokens that lie in no grid."""
        self._choose(navigation.turned(self._selection, self._results, step))

    def action_closer(self) -> None:
        """The same spot on a finer page."""
        self._choose(navigation.closer(self._selection, self._results))

    @on(PatchPointed)
    def _pointed(self, message: PatchPointed) -> None:
        self._choose(navigation.fitted(navigation.put(self._selection, message.row, message.col), self._results))

    @on(PixelPointed)
    def _pixel_pointed(self, message: PixelPointed) -> None:
        if selection := navigation.at_pixel(self._selection, self._results, message.x, message.y):
            self._choose(selection)

    @on(PageClicked)
    def _page_clicked(self, message: PageClicked) -> None:
        self._choose(navigation.at_page(self._selection, self._results, message.page))

    @on(StageClicked)
    def _stage_clicked(self, message: StageClicked) -> None:
        self._choose(navigation.at_stage(self._selection, self._results, message.stage))

    def action_walk(self, step: int) -> None:
        """Along the path."""
        self._choose(navigation.walked(self._selection, self._results, step))

    def action_by_layer(self) -> None:
        """The first word after every layer instead of the words of this layer, or back."""
        if llm_depth(self._selection.stage) is None:
            self.notify("first words by layer are those of the language model: ] walks on to llm.1", timeout=4)
            return
        self._choose(replace(self._selection, by_layer=not self._selection.by_layer))
        self._arrange()

    def action_metric(self) -> None:
        """The next metric; the layers of the language model know none."""
        if llm_depth(self._selection.stage) is None and self._selection.stage != ANSWER:
            self._choose(self._selection.next_metric())

    def action_more(self, step: int) -> None:
        """More or fewer words."""
        self._choose(self._selection.with_k(self._selection.k + step))
        self._arrange()

    def action_overlay(self) -> None:
        """The next overlay."""
        self._choose(self._selection.next_overlay(self._results.model, tuple(self._results.lenses.values())))

    def action_panel(self) -> None:
        """The next panel, where not all are seen."""
        there = panels(lens_panel.rows_wanted(self._results, self._selection))
        at = there.index(self._panel) if self._panel in there else -1
        self._panel = there[(at + 1) % len(there)]
        self._arrange()
        self.call_after_refresh(self._show_panels)

    def action_help(self) -> None:
        """The keys."""
        self.app.push_screen(HelpScreen(self._results))

    def action_go_to(self) -> None:
        """Ask for a row and column or a pixel."""
        if self._results.pages(self._selection.stage):
            self.app.push_screen(
                ask_place(self._selection, self._results),
                lambda selection: self._choose(selection) if selection else None,
            )

    def action_open_picture(self) -> None:
        """Ask for another picture."""

        def open_it(source: str | None) -> None:
            if source:
                self._standing.work = messages.WorkProgressed("opening the picture")
                self._show_state()
                self._worker.open(source)

        self.app.push_screen(ask_picture(), open_it)

    def action_choose_model(self) -> None:
        """Ask for another model."""

        def load(name: str | None) -> None:
            if name:
                self._standing.trouble = ""
                self._current = False
                self._worker.load(name)

        self.app.push_screen(ChooseModel(models_on_disk(), self._worker.model), load)

    def action_read_again(self) -> None:
        """Read the picture again, with the model of this explorer."""
        if not self._worker.alive or self._results.model is None:
            self.action_restart()
            return
        self._standing.trouble = ""
        self._standing.work = messages.WorkProgressed("reading the picture")
        self._show_state()
        self._worker.read(self._worker.image)

    def action_restart(self) -> None:
        """Start the session again, keeping picture and cursor."""
        if self._worker.alive and (self._current or self._standing.work.doing):
            self.notify("the model session is running", timeout=3)
            return
        self._standing.trouble = ""
        self._worker.begin()

    def action_copy(self) -> None:
        """Copy what is known of the patch to the terminal's clipboard."""
        if text := export.patch_text(self._results, self._selection):
            self.app.copy_to_clipboard(text)
            self.notify("copied the patch's words, box and norms", timeout=3)

    def action_save(self) -> None:
        """Ask where, then write the report."""
        self.app.push_screen(
            export.ask_name(self._results.image.source), lambda name: self._save(name) if name else None
        )

    # the rest

    def _save(self, name: str) -> None:
        try:
            written = export.save(name, self._results, self._selection, self._worker.options.query)
        except VlmtuiError as error:
            self.notify(str(error), title="the report was not saved", severity="error", timeout=12, markup=False)
        else:
            self.notify(f"saved {written}", timeout=5, markup=False)

    def _choose(self, selection: Selection) -> None:
        """Take another view and show what differs."""
        before, self._selection = self._selection, selection
        if selection == before:
            return
        if selection.stage != before.stage:
            self.query_one(PathBar).show(self._results.model, selection.stage, self._results.generation.begun)
        faced = lens_panel.lens_in_panel(self._results, selection) is not None
        if (selection.stage, selection.projected) != (before.stage, before.projected) or faced != self._faced:
            self._arrange()
        self._show_picture()
        self._ask_words()
        self._show_panels()

    def _arrange(self) -> None:
        """Side by side, one above the other, or a sentence, by the size of the terminal."""
        size = self.app.size.width, self.app.size.height
        page, pages = self._results.shown(self._selection), self._results.pages(self._selection.stage)
        several = len(pages) > 1
        model = self._results.model
        words = (
            wanted_rows(model.llm_layers, self._selection.k)
            if model and self._selection.shows_layers
            else self._selection.k + 2
        )
        facts = lens_panel.rows_wanted(self._results, self._selection)
        if bool(facts) != self._faced:
            # where one panel is seen at a time, that of the lens that was chosen
            self._faced = bool(facts)
            if size[0] < NARROW:
                self._panel = FACTS if facts else PANELS[0]
        if self._panel == FACTS and not facts:
            self._panel = PANELS[0]
        if self._selection.stage == ANSWER:
            wanted = answer.wanted_rows(self._results.generation, panel_cells(size[0]) - 2)
            words = answer_rows(size, wanted, self._panel, facts)
        at_answer = self._selection.stage == ANSWER
        plan = arrange(size, words, (page.rows if page else 0) + several, self._panel, at_answer, facts)
        self.set_class(plan.narrow, "narrow")
        self.set_class(plan.too_small, "too-small")
        self.query_one(KeysBar).show(keys(self._results, self._selection, plan.narrow))
        if plan.too_small:
            sentence = f"{size[0]}×{size[1]} is too small: make the terminal at least {SMALLEST[0]}×{SMALLEST[1]}"
            self.query_one("#too-small", Static).update(Text(sentence))
        self.query_one(PanelsSide).lay_out(plan, self._selection.stage)

    def _show_all(self) -> None:
        self._arrange()
        self._show_lines()
        self._show_panels()
        self._show_picture()

    def _show_lines(self) -> None:
        results = self._results
        self.query_one(TitleBar).show(results.image, results.model)
        self.query_one(PathBar).show(results.model, self._selection.stage, results.generation.begun)
        self._show_state()

    def _show_panels(self) -> None:
        self.query_one(PanelsSide).show(self._results, self._selection)

    def _show_picture(self) -> None:
        self.query_one(ImageSide).show(self._results, self._selection)

    def _show_state(self) -> None:
        depth = None if self.app.no_color else self.app.console.color_system
        self._standing.where = self._worker.where
        self._standing.show(self.query_one(StatusBar), self._results.model, depth, self._worker.alive)
