"""Actions on images, models and what leaves the explorer."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

from vlmtui.catalogue import models_on_disk, resolve_model
from vlmtui.tui import export
from vlmtui.tui.actions.context import ActionContext
from vlmtui.tui.dialogs.image import ask_image
from vlmtui.tui.dialogs.model import ModelDialog
from vlmtui.tui.messages import ImageOpened
from vlmtui.tui.notices import IMAGE, MODEL, READING, REPORT
from vlmtui.tui.state.status import Work


def open_image(context: ActionContext) -> None:
    """Ask for another image."""

    def open_it(source: str) -> Future[ImageOpened]:
        context.notify.over(IMAGE)
        return context.worker.open(source)

    context.dialog(ask_image(open_it), context.events.handle)


def choose_model(context: ActionContext) -> None:
    """Ask for another model."""

    def load(name: str) -> None:
        context.state.status.trouble = ""
        context.state.connected = False
        context.notify.over(MODEL)
        context.worker.load(name)

    def check(name: str) -> None:
        # folders of another machine are known there
        if context.worker.options.query.load.where.remote is None:
            resolve_model(name)

    context.dialog(ModelDialog(models_on_disk(), context.worker.model, check), load)


def read_again(context: ActionContext) -> None:
    """Read the image again, with the model of this explorer."""
    if not context.worker.alive or context.state.results.model is None:
        restart(context)
        return
    context.state.status.trouble = ""
    context.state.status.work = Work("reading the image")
    context.worker.read(context.worker.image)


def restart(context: ActionContext) -> None:
    """Start the session again, keeping image and cursor."""
    if context.worker.alive and (context.state.connected or context.state.status.work.doing):
        context.notify("the model session is running", timeout=3)
        return
    context.state.status.trouble = ""
    context.notify.over(MODEL, IMAGE)
    context.worker.begin()


def copy(context: ActionContext) -> None:
    """Copy what is known of the patch to the terminal's clipboard."""
    if text := export.patch_text(context.state.results, context.state.selection):
        where = context.copy(text)
        context.notify(f"the patch's words, box and norms were sent {where}", timeout=3, about=(READING,))


def save(context: ActionContext) -> None:
    """Ask where, then write the report."""
    state = context.state

    def write(name: str) -> Path:
        return export.save(name, state.results, state.selection, context.worker.options.query)

    def saved(written: Path) -> None:
        context.notify.over(REPORT)
        context.notify(f"saved {written}", about=(REPORT,))

    dialog = export.ask_name(state.results.image.source, write, lambda: state.status.trouble)
    context.dialog(dialog, saved)
