"""What a lens made of a stage, made up for tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.kinds import Colours, Scalars, pack_details
from vlmtui.lenses.lens_source import LensCall


def looked(
    lens: LensCall,
    stage: str,
    numbers: Any,
    *,
    explained: tuple[float, ...] = (),
    pieces: tuple[str, ...] = (),
    note: str = "",
    seconds: float = 0.0,
) -> LensResult:
    """Numbers [entries] or colours [entries, 3] of a lens, with what it says besides."""
    said = {name: value for name, value in (("explained", explained), ("pieces", pieces)) if value}
    besides = pack_details(said) if said else b""
    if np.ndim(numbers) == 1:
        return LensResult(lens, stage, Scalars(numbers, note=note, seconds=seconds, own=besides))
    return LensResult(lens, stage, Colours(numbers, signed=True, note=note, seconds=seconds, own=besides))
