"""Words as the text report lists them, folded where they are, and the hub words of these lists."""

from __future__ import annotations

from collections.abc import Iterator

from vlmtui.display import numbers
from vlmtui.display.pieces import visible
from vlmtui.reading import TokenWords
from vlmtui.reports.image_report import ImageReport
from vlmtui.results.hub_words import HUB_RULE

_MOST_HUBS = 8


def shown_hubs(report: ImageReport) -> tuple[dict[int, float], dict[int, float]]:
    """The hub words of the lists as they are shown, with their shares, and the same of every spelling of them."""
    if report.folded is None or report.query.selection.partial:
        return report.hubs, report.hubs
    return report.folded.hubs, report.folded.of_hubs


def shown_words(report: ImageReport) -> TokenWords | None:
    """The words as they are listed: folded, where they are."""
    return report.words if report.folded is None else report.folded.words


def hub_lines(report: ImageReport, hubs: dict[int, float]) -> Iterator[str]:
    """The most frequent hubs with their shares, and what a hub is."""
    words = shown_words(report)
    assert words is not None
    joins = report.reading.model.marks_words
    named = [
        f"{visible(words.pieces[id_], words.texts[id_], joins)} {numbers.percent(100 * share)}"
        for id_, share in list(hubs.items())[:_MOST_HUBS]
    ]
    more = len(hubs) - len(named)
    yield ", ".join([*named, *([f"{more} more"] if more else [])])
    yield HUB_RULE
