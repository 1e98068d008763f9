"""Lenses of other people, as tests write them to files."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from vlmtui.lenses.lens_source import LensSource, read_lens_source

HEAD = "from vlmtui.lenses import *\nfrom vlmtui.lenses import Context, Scalars, lens\n"
"""Two lines before what a test writes."""
SHARPNESS = '''
@lens
def sharpness(context: Context, power: float = 2.0) -> Scalars:
    """How peaked a patch's vector is."""
    return Scalars(context.states().float().abs().pow(power).mean(-1))
'''


def written(folder: Path, name: str, text: str, head: str = HEAD) -> LensSource:
    """The lens in a file of this name with this text, which begins at its third line."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(head + dedent(text).lstrip("\n"))
    return read_lens_source(str(path))
