"""Run the deeds on slow lines, this checkout and another one in turns, and print a Markdown table."""

from __future__ import annotations

import argparse
import contextlib
import platform
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.checkouts import HOME, is_checkout
from benchmarks.slow_line.deeds import Cost, costs
from benchmarks.slow_line.places import PTY, SSH, TMUX, TMUX_IN_SSH, Place, warm_checkout
from benchmarks.slow_line.slow_terminal import NEVER, SlowLine

SMALL, LARGE = (120, 40), (200, 60)
SLOW, QUICKER = 16_000, 125_000
"""Bytes per second."""
ROUND_TRIP_S = 0.2


@dataclass(frozen=True)
class Setting:
    """Where, at which size, and over which line."""

    place: Place
    size: tuple[int, int]
    line: SlowLine

    @property
    def name(self) -> str:
        """What the table calls it."""
        rate = f"{(self.line.rate or 0) / 1000:.0f} KB/s, {1000 * self.line.round_trip:.0f} ms"
        late = self.line.answers_after
        answers = {0.0: "", NEVER: ", never answers"}.get(late, f", answers {late:.0f} s late")
        return f"{self.place.name}, {self.size[0]}×{self.size[1]}, {rate}{answers}"


SETTINGS = (
    Setting(PTY, SMALL, SlowLine(SLOW)),
    Setting(PTY, SMALL, SlowLine(SLOW, ROUND_TRIP_S)),
    Setting(PTY, SMALL, SlowLine(QUICKER)),
    Setting(PTY, SMALL, SlowLine(QUICKER, ROUND_TRIP_S)),
    Setting(PTY, LARGE, SlowLine(SLOW)),
    Setting(PTY, LARGE, SlowLine(QUICKER, ROUND_TRIP_S)),
    Setting(PTY, SMALL, SlowLine(SLOW, ROUND_TRIP_S, answers_after=NEVER)),
    Setting(PTY, SMALL, SlowLine(SLOW, ROUND_TRIP_S, answers_after=3.0)),
    Setting(TMUX, SMALL, SlowLine(SLOW, ROUND_TRIP_S)),
    Setting(SSH, SMALL, SlowLine(SLOW, ROUND_TRIP_S)),
    Setting(SSH, SMALL, SlowLine(QUICKER, ROUND_TRIP_S)),
    Setting(TMUX_IN_SSH, SMALL, SlowLine(SLOW, ROUND_TRIP_S)),
)


def main(argv: Sequence[str]) -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.slow_line", description=__doc__)
    parser.add_argument("other", type=Path, nargs="?", metavar="OTHER_CHECKOUT")
    parser.add_argument("--driver", default="", help="VLMTUI_DRIVER of the other one, or of this one")
    parser.add_argument("--only", default="", metavar="TEXT", help="only lines with this text in their names")
    options = parser.parse_args(argv)
    if options.other is not None and not is_checkout(options.other):
        parser.error(f"{options.other} is no checkout of vlmtui")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    homes = [(HOME, "")]
    if options.other is not None or options.driver:
        homes.append(((options.other or HOME).resolve(), options.driver))
    print(f"{platform.platform()}, Python {platform.python_version()}\n")
    print(
        "| line | what | "
        + " | ".join(f"{home} {driver}".strip() for home, driver in homes)
        + " | ratio of bytes, of seconds |"
    )
    print("| --- | --- |" + " --- |" * (len(homes) + 1))
    with contextlib.ExitStack() as stack:
        sides = [stack.enter_context(warm_checkout(home, driver)) for home, driver in homes]
        for setting in SETTINGS:
            if options.only not in setting.name:
                continue
            if missing := setting.place.missing():
                print(f"| {setting.name} | not measured: this machine lacks {missing} |" + " |" * (len(homes) + 1))
                continue
            measured = [costs(setting.place, side, setting.size, setting.line) for side in sides]
            for line in table_lines(setting.name, measured):
                print(line, flush=True)
    return 0


def table_lines(setting: str, measured: Sequence[dict[str, Cost]]) -> Iterator[str]:
    """A line of the table for each deed."""
    for deed in measured[0]:
        found = [costs_of[deed] for costs_of in measured]
        yield f"| {setting} | {deed} | {' | '.join(cost.said for cost in found)} | {_ratios(*found)} |"


def _ratios(this: Cost, other: Cost | None = None) -> str:
    if other is None:
        return ""
    return ", ".join(f"{a / b:.3g}" if b else "" for a, b in ((this.count, other.count), (this.seconds, other.seconds)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
