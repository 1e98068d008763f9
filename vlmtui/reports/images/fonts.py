"""Fonts: Pillow's own for the characters it has, an installed font for other scripts, else the code point.

Pillow's font (Aileron) has Latin letters. A character that it lacks is looked up in the installed fonts with fontconfig
(`fc-list`), or in the fonts of macOS; without a font for it, it is written as U+6F22. So no word turns into empty
boxes, and drawings are reproducible on one machine.
"""

from __future__ import annotations

import bisect
import math
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from vlmtui.display.cells import ELLIPSIS, is_mark
from vlmtui.display.colours import Colour

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Face = tuple[str, int] | None
"""A font file and the index of a font in it; None for Pillow's own."""

_FINER = 3
_PROBE = 24.0
_NONE = "\U0010fffe"  # a noncharacter, for which every font draws its missing-glyph box
_ELSEWHERE = (
    "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
    "/Library/Fonts/Arial Unicode.ttf",
    "/System/Library/Fonts/PingFang.ttc",
)
_ASKED = "%{family[0]}\t%{slant}\t%{weight}\t%{file}\t%{index}\t%{charset}\n"
_WAIT_S = 10.0


@lru_cache(maxsize=256)
def font(face: Face, size: float) -> Font:
    """The font at a size in pixels. Raises `OSError` where the file has no scalable font."""
    if face is None:
        return ImageFont.load_default(size)
    return ImageFont.truetype(face[0], size, index=face[1])


def text_width(text: str, size: float) -> float:
    """Width of a text in pixels."""
    return sum(float(font(face, size * _FINER).getlength(part)) for face, part in runs(text)) / _FINER


def fit_text(text: str, size: float, room: float, least: float = 0.75) -> tuple[str, float]:
    """Fit a text into `room` pixels: shrink it, at most by the factor `least`, then cut it. Return text and size."""
    wide = text_width(text, size)
    if wide <= room:
        return text, size
    size *= max(least, room / wide)
    shown = text
    while shown and text_width(shown if shown == text else shown + ELLIPSIS, size) > room:
        shown = shown[:-1]
    return (shown if shown == text else shown + ELLIPSIS), size


def draw_text(
    picture: Image.Image, x: float, y: float, text: str, size: float, ink: Colour, halo: Colour | None
) -> None:
    """Draw a line of text with its baseline at `y`; `halo` is the colour of an outline around its letters.

    Letters are drawn at a larger size and scaled down: drawn directly, they would snap to whole pixels, unevenly
    spaced.
    """
    left, top = math.floor(x - size), math.floor(y - 1.5 * size)
    wide, tall = math.ceil(text_width(text, size) + 2 * size) + 1, math.ceil(2.2 * size)
    for colour, edge in ((halo, size / 9), (ink, 0.0)):
        if colour is None:
            continue
        mask = Image.new("L", (wide * _FINER, tall * _FINER))
        canvas, across = ImageDraw.Draw(mask), (x - left) * _FINER
        for face, part in runs(text):
            drawn, where = font(face, size * _FINER), (across, (y - top) * _FINER)
            canvas.text(where, part, 255, drawn, anchor="ls", stroke_width=edge * _FINER)
            across += float(drawn.getlength(part))
        picture.paste(Image.new("RGB", (wide, tall), colour), (left, top), mask.reduce(_FINER))


def runs(text: str) -> Iterator[tuple[Face, str]]:
    """Split a text into runs of one font; a character that no font has becomes its code point."""
    held, before = "", None
    for character in text:
        face, shown = _drawn(character)
        if held and is_mark(character) and _has(before, character):
            # a combining mark is drawn with the font of its base character
            face, shown = before, character
        if held and face != before:
            yield before, held
            held = ""
        held, before = held + shown, face
    if held:
        yield before, held


@lru_cache(maxsize=1 << 14)
def _drawn(character: str) -> tuple[Face, str]:
    """The font for a character, and the text to draw for it."""
    if _has(None, character):
        return None, character
    face = _installed_face(character)
    return (face, character) if face is not None else (None, f"U+{ord(character):04X}")


def _installed_face(character: str) -> Face:
    """The first installed font that has a character."""
    for found in _installed_fonts():
        try:
            if found.has(ord(character)) and _has(found.face, character):
                return found.face
        except OSError:
            continue  # a font that cannot be scaled, as some emoji fonts
    return None


@dataclass(frozen=True)
class _InstalledFont:
    """An installed font and its ranges of code points, None where they are unknown."""

    face: tuple[str, int]
    starts: tuple[int, ...] | None = None
    ends: tuple[int, ...] = ()

    def has(self, code: int) -> bool:
        if self.starts is None:
            return True
        at = bisect.bisect_right(self.starts, code) - 1
        return at >= 0 and code <= self.ends[at]


@lru_cache(maxsize=1)
def _installed_fonts() -> tuple[_InstalledFont, ...]:
    """The installed fonts, upright regular sans-serif ones first; listed once, when a character is first missing."""
    found = [_InstalledFont((file, 0)) for file in _ELSEWHERE if Path(file).is_file()]
    if command := shutil.which("fc-list"):
        asked = [command, "--format", _ASKED, ":scalable=true:color=false"]
        try:
            done = subprocess.run(asked, capture_output=True, timeout=_WAIT_S, stdin=subprocess.DEVNULL)
        except (OSError, subprocess.TimeoutExpired):
            return tuple(found)
        lines = done.stdout.decode("utf-8", "replace").splitlines()
        ranked = sorted(line.split("\t") for line in lines if line.count("\t") == _ASKED.count("\t"))
        ranked.sort(key=_rank)
        found = [_read(file, index, has) for *_, file, index, has in ranked] + found
    return tuple(found)


def _rank(line: list[str]) -> tuple[float, ...]:
    """Sort key of fonts: upright, of regular weight (80), with even strokes, for text rather than code."""
    family, slant, weight = line[:3]
    upright = slant == "0"
    away = abs(float(weight) - 80) if weight.replace(".", "").isdecimal() else 100.0
    return (not upright, away, "Mono" in family or "Code" in family, "Serif" in family, "Sans" not in family)


def _read(file: str, index: str, has: str) -> _InstalledFont:
    """Parse a font with its code points, as in `20-7e a0 b5-ff`."""
    ends = [part.partition("-") for part in has.split()]
    starts = tuple(int(first, 16) for first, _, _ in ends)
    return _InstalledFont((file, int(index) & 0xFFFF), starts, tuple(int(last or first, 16) for first, _, last in ends))


def _has(face: Face, character: str) -> bool:
    return character.isspace() or _glyph(face, character) != _glyph(face, _NONE)


@lru_cache(maxsize=1 << 12)
def _glyph(face: Face, character: str) -> bytes:
    """The bitmap a font draws for a character; its missing-glyph box for characters that it lacks."""
    size = round(3 * _PROBE)
    image = Image.new("L", (size, size))
    ImageDraw.Draw(image).text((_PROBE, 2 * _PROBE), character, 255, font(face, _PROBE), anchor="ls")
    return image.tobytes()
