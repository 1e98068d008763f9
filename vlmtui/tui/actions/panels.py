"""Actions on the room of panels and image: fold a panel, turn to the next one, give the image the whole screen."""

from __future__ import annotations

from vlmtui.tui.actions.context import ActionContext


def fold(context: ActionContext, number: int) -> None:
    """Fold the panel of a number, or show it again."""
    numbered = context.numbered
    if number > len(numbered):
        context.notify(f"no panel has the number {number}: there are {len(numbered)}", timeout=3)
        return
    name, title = numbered[number - 1]
    if name not in context.panels():
        stage = context.state.selection.stage
        context.notify(f"panel {number}, {title}, has nothing to show at {stage}", timeout=3)
        return
    context.state.panels.turn(name)


def turn_to_next(context: ActionContext) -> None:
    """The next panel, where not all are seen."""
    context.state.panels.turn_to_next(context.panels())


def image_alone(context: ActionContext) -> None:
    """The whole screen for the image, or the panels again."""
    room = context.state.panels
    room.alone = not room.alone
    if room.alone and not room.gains:
        context.notify(
            "the image is no larger, its legend has more room: z zooms in, f brings the panels back", timeout=5
        )
