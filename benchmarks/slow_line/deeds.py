"""What is done in the explorer on a slow line, with what it writes and how long it takes until it rests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.checkouts import HOME
from benchmarks.slow_line.places import PTY, Place, explorer, warm_checkout
from benchmarks.slow_line.slow_terminal import SlowLine

QUIET_S = 1.5
QUIET_WITHOUT_ANSWERS_S = 4.0
"""For so long nothing comes after a deed that is over; longer where a driver may wait for an answer in vain."""
START_S = 300.0
RIGHT, DOWN, LEFT, UP = "\x1b[C", "\x1b[B", "\x1b[D", "\x1b[A"
ESCAPE, PALETTE = "\x1b", "\x10"
ARROWS = (*5 * (RIGHT,), *5 * (DOWN,), *10 * (LEFT,), *5 * (UP,), *5 * (RIGHT,))
"""Thirty arrows, round and back to where they began."""
WORDS = "margin"
"""What is on the screen when the words have come."""
STATUS_ROWS = 2
"""Rows at the bottom that say how long things took and how much memory is used."""
FIRST_SCREEN = "first screen"


@dataclass(frozen=True)
class Deed:
    """Keys, pressed `interval` seconds apart; they lead to the screen of `back` deeds before, or to another.

    `blinks` says that a text field is open then.
    """

    name: str
    keys: tuple[str, ...]
    interval: float = 0.0
    back: int | None = None
    blinks: bool = False


DEEDS = (
    Deed("thirty arrows in 2 s", ARROWS, 2 / 30, back=1),
    Deed("ten stage steps in 2 s", (*5 * ("[",), *5 * ("]",)), 0.2, back=1),
    Deed("`?` opened", ("?",)),
    Deed("`?` closed", (ESCAPE,), back=2),
    Deed("palette opened", (PALETTE,), blinks=True),
    Deed("palette closed", (ESCAPE,), back=2),
    Deed("three overlays in 1 s", ("o", "o", "o"), 0.33),
)


@dataclass(frozen=True)
class Cost:
    """Bytes that arrived; seconds from the last key or the start to the last byte; whether the screen is right then."""

    count: int
    seconds: float
    is_right: bool = True

    @property
    def said(self) -> str:
        """The cost as a table has it."""
        wrong = "" if self.is_right else ", **not the right screen**"
        return f"{self.count / 1000:.1f} KB, settled after {self.seconds:.1f} s{wrong}"


def costs(place: Place, environment: Mapping[str, str], size: tuple[int, int], line: SlowLine) -> dict[str, Cost]:
    """Costs of all deeds, one after the other, the first screen first."""
    quiet = QUIET_WITHOUT_ANSWERS_S if line.answers_after else QUIET_S
    with explorer(place, environment, size, line) as slow:
        slow.until(lambda screen: screen.shows(WORDS), START_S)
        shown = slow.settle(quiet) - slow.started
        found = {FIRST_SCREEN: Cost(slow.count_at_change, shown)}
        screens = [slow.emulator.cells[:-STATUS_ROWS]]
        for deed in DEEDS:
            count, slow.blinks = slow.count, deed.blinks
            for index, key in enumerate(deed.keys):
                slow.run(deed.interval if index else 0.0)
                slow.press(key)
            seconds = max(0.0, slow.settle(quiet) - slow.pressed)
            screens.append(slow.emulator.cells[:-STATUS_ROWS])
            is_right = screens[-1] == screens[-1 - deed.back] if deed.back else screens[-1] != screens[-2]
            found[deed.name] = Cost(max(0, slow.count_at_change - count), seconds, is_right)
        slow.press("q")
        slow.run(1.0)
    return found


def rows() -> Iterator[tuple[str, str, str]]:
    """All deeds in a pty of 120×40 at 16 KB/s, at once and with a round trip of 200 ms."""
    with warm_checkout(HOME) as environment:
        for round_trip in (0.0, 0.2):
            found = costs(PTY, environment, (120, 40), SlowLine(16_000, round_trip))
            for deed, cost in found.items():
                wanted = "settled within 1.5 s" if "arrows" in deed else ""
                yield f"{deed}, at 16 KB/s and {1000 * round_trip:.0f} ms", cost.said, wanted
