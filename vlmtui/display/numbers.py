"""Number formats, the same on the screen, in reports and in copied text."""

from __future__ import annotations

import math

from vlmtui.geometry import Box

NOT_A_NUMBER = "–"
_FLOAT32 = 5e-5
"""What a percentage in float32 may be short of a whole number."""


def format_number(value: float | None, digits: int = 4) -> str:
    """Format with four significant digits or more: `1.041`, `313.2`, `12346`, `0.0003172`, `1.235e+07`."""
    if value is None or not math.isfinite(value):
        return NOT_A_NUMBER
    if value == 0:
        return "0"
    if 10**digits <= abs(value) < 1e7:
        return f"{value:.0f}"
    text = f"{value:#.{digits}g}"
    return text.rstrip(".") if "e" not in text else text.replace(".e", "e")


def short_score(value: float) -> str:
    """Format a score in three or four characters beside its word: `.31`, `1.04`, `17.2`, `313`."""
    if not math.isfinite(value):
        return NOT_A_NUMBER
    size = abs(value)
    text = f"{value:.2f}" if size < 9.995 else f"{value:.1f}" if size < 99.95 else f"{value:.0f}"
    return text.replace("0.", ".", 1) if size < 0.995 else text


def format_bytes(count: int) -> str:
    """Format bytes: `9.5 MB`, `1.1 GB`; powers of ten, as usual for disks and downloads."""
    if count < 1000:
        return f"{count} B"
    value = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.5 or unit == "TB":
            break
    return f"{value:.0f} {unit}" if value >= 99.95 else f"{value:.1f} {unit}"


def format_duration(seconds: float | None) -> str:
    """Format seconds: `0.8 ms`, `42 ms`, `1.3 s`, `2 min 5 s`."""
    if seconds is None or not math.isfinite(seconds):
        return NOT_A_NUMBER
    milliseconds = seconds * 1000
    if milliseconds < 9.95:
        return f"{milliseconds:.1f} ms"
    if milliseconds < 999.5:
        return f"{milliseconds:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def percent(value: float | None) -> str:
    """Format a percentage: `27%`, `99.6%`; never rounded up to 100 or down to 0."""
    if value is None or not math.isfinite(value):
        return NOT_A_NUMBER
    if value in (0.0, 100.0):
        return f"{value:.0f}%"
    if value < 0.05 or value > 99.95:
        return "<0.1%" if value < 50 else ">99.9%"
    return f"{value:.1f}%" if value < 1 or value > 99 else f"{value:.0f}%"


def part_of(value: float, whole: str) -> str:
    """How much of something a number is beyond, rounded down: `27% of noise`, `all noise`, `no noise`.

    94.9% is not 95%, above which a score is above noise.
    """
    if value in (0.0, 100.0):
        return f"{'all' if value else 'no'} {whole}"
    steps = 10 if value < 1 or value > 99 else 1
    down = math.floor(value * steps + _FLOAT32) / steps
    return f"{percent(down) if down else '<0.1%'} of {whole}"


def among_words(percentile: float) -> str:
    """`, larger than 12% of word norms`: where a token's norm is among those of the vocabulary; "" for one that is no
    number."""
    return f", larger than {part_of(percentile, 'word norms')}" if math.isfinite(percentile) else ""


def box(corners: Box | None, digits: int = 1) -> str:
    """Format a box in pixels of the original image: `(229.3, 61.0) – (260.1, 91.5)`."""
    if corners is None:
        return NOT_A_NUMBER
    x0, y0, x1, y1 = (f"{c:.{digits}f}".removesuffix("." + "0" * digits) for c in corners)
    return f"({x0}, {y0}) – ({x1}, {y1})"


def pixels(width: int, height: int) -> str:
    """Format a size: `640×427`."""
    return f"{width}×{height}"


def count(number: int, singular: str, plural: str | None = None) -> str:
    """Format a count with its noun: `1 token`, `196 tokens`, `32,000 rows`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def ordinal(number: int) -> str:
    """Format an ordinal: `1st`, `22nd`, `1,113th`."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"
