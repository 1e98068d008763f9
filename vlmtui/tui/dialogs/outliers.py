"""Outliers of all images opened so far, stage by stage: by position or by content. A page over the explorer."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Static

from vlmtui.display.norm_statistics import RULE
from vlmtui.display.numbers import count, percent
from vlmtui.display.outlier_positions import TEST, VERDICTS, PositionCounts, Verdict, position_test
from vlmtui.tui.dialogs.dialog import LEAVES, Dialog
from vlmtui.tui.state.image_outliers import OutlierPlaces
from vlmtui.tui.terminal.theme import Roles, roles

SHOWN = 8
"""Positions of a stage that are named."""
VERDICT_CELLS = 14
"""Of the longest verdict."""
A_LINE = 3
"""Places of this image on a line."""
BY_POSITION: Verdict = "position"
_UNTOLD: tuple[Verdict, ...] = ("too few", "none")
"""What a single image has, with one grid at each stage."""
_WHERE = "Where: go to the stage with [ and ], press o for norms, then n for the largest in turn."
STYLES: dict[Verdict, str] = {BY_POSITION: "outlier", "both": "outlier", "content": "measured"}


class OutliersPage(Dialog[None]):
    """A line for each stage, with its verdict; the positions that repeat below it."""

    BINDINGS = [Binding("V,q", "leave", "leave")]

    def __init__(
        self, stages: Sequence[tuple[str, Sequence[PositionCounts]]], here: str, image: OutlierPlaces | None = None
    ) -> None:
        super().__init__("Outliers")
        self.add_class("page")
        self.border_subtitle = LEAVES
        self.can_focus = True
        self._stages, self._here, self._image = stages, here, image

    def compose(self) -> ComposeResult:
        yield self.title()
        yield Static(outlier_report(roles(self.app), self._stages, self._here, self._image))


def outlier_report(
    r: Roles,
    stages: Sequence[tuple[str, Sequence[PositionCounts]]],
    here: str,
    image: OutlierPlaces | None = None,
) -> Text:
    """Where the outliers of this `image` are; every stage's verdict as `vlmtui outliers` gives it, and what the
    verdicts mean; the stage `here` stands out."""
    text, verdicts = Text(f"{_WHERE}\n\n"), set[Verdict]()
    if image is not None:
        _add_image(text, r, image, here)
    tested = [tally for _, tallies in stages for tally in tallies]
    if tested and all(one.pictures < 2 and position_test(one).verdict in _UNTOLD for one in tested):
        text.append("Whether outliers recur by position needs several images: i opens another.\n")
        return text.append(f"\n{RULE}.\n", style=r.dim)
    label = max((len(stage) for stage, _ in stages), default=0)
    for stage, tallies in stages:
        for tally in tallies:
            found, shape, total = position_test(tally), tally.shape, int(tally.counts.sum())
            verdicts.add(found.verdict)
            text.append(f"{stage:<{label}}  ", style=r.accent if stage == here else "")
            text.append(
                f"{_named(found.verdict):<{VERDICT_CELLS}}  ",
                style=f"bold {getattr(r, STYLES.get(found.verdict, 'text'))}",
            )
            share = f" ({percent(100 * found.rate)})" if total else ""
            laid = f"{shape.rows} queries" if shape.kind == "query" else f"{shape.rows}×{shape.cols}"
            views = f", {count(tally.views, 'grid')}" if tally.views != tally.pictures else ""
            pictures = f"{laid}, {count(tally.pictures, 'image')}{views}"
            text.append(f"{count(total, 'outlier') + share:<18}  ")
            text.append(f"{pictures}\n", style=r.dim)
            if found.repeat:
                places = [_place(tally, at) for at in found.repeat[:SHOWN]]
                more = f" and {len(found.repeat) - SHOWN} more" if len(found.repeat) > SHOWN else ""
                text.append(f"{'':<{label}}  repeat: {', '.join(places)}{more}\n")
    if not stages:
        text.append("No image has been read yet.\n")
    text.append("\n")
    for verdict, what in VERDICTS.items():
        if verdict in verdicts:
            text.append(f"{_named(verdict)}: ", style="bold").append(f"{what}.\n")
    text.append(
        f"\nImages opened here with this model are counted, each once: i opens another.\n{RULE}.\n", style=r.dim
    )
    return text.append(f"Test: {TEST}.\n", style=r.dim)


def _add_image(text: Text, r: Roles, image: OutlierPlaces, here: str) -> None:
    """The places of this image's outliers by stage, and which stages were read."""
    text.append("This image", style="bold")
    text.append(": row,column, and how many times the stage's median (▲ above, ▼ below it)\n")
    heads = {stage: f"{stage} ({len(places):,})" for stage, places in image.places.items()}
    label = max(map(len, heads.values()), default=0)
    width = max((len(place) for places in image.places.values() for place in places), default=0)
    counts = {stage: len(places) for stage, places in image.places.items()}
    if counts:
        most = max(counts.values())
        stages = [stage for stage, many in counts.items() if many == most]
        each = " each" if len(stages) > 1 else ""
        text.append(f"Most: {' and '.join(stages)}", style="bold")
        text.append(f", {most:,}{each} of {count(sum(counts.values()), 'outlier')}.\n")
    for stage, places in image.places.items():
        # all of them: the page scrolls
        shown = [f"{place:<{width}}" for place in places]
        lines = ["  ".join(shown[at : at + A_LINE]).rstrip() for at in range(0, len(shown), A_LINE)]
        text.append(f"{heads[stage]:<{label}}  ", style=r.accent if stage == here else "")
        text.append(f"\n{'':<{label}}  ".join(lines) + "\n")
    if not image.places and image.read:
        text.append("none\n")
    if image.read:
        text.append(f"Read: {_span(image.read)}.", style=r.dim)
    if image.unread:
        text.append(f" Not read: {_span(image.unread)}; ] goes there, and reads them.", style=r.dim)
    text.append("\n\n").append("All images\n", style="bold")


def _named(verdict: Verdict) -> str:
    """A verdict as the page names it; of what there is too little is said."""
    return "too few images" if verdict == "too few" else verdict


def _span(stages: Sequence[str]) -> str:
    """`vision.0 to tokens`."""
    return stages[0] if len(stages) == 1 else f"{stages[0]} to {stages[-1]}"


def _place(tally: PositionCounts, at: int) -> str:
    """`12,1 (3 of 4)`: row, column, in how many views; of a query its number."""
    where = f"{at}" if tally.shape.kind == "query" else "{},{}".format(*divmod(at, tally.shape.cols))
    return f"{where} ({tally.counts[at]} of {tally.there[at]})"
