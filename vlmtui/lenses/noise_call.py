"""Noise of a lens of numbers: the same lens on noise, and where its numbers end."""

from __future__ import annotations

import numpy as np

from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.kinds import Scalars
from vlmtui.lenses.lens_source import LensCall
from vlmtui.lenses.registry import find_lens
from vlmtui.results.noise_baseline import noise_floor

NOISE = "noise"
"""The option by which a lens gives the numbers of noise."""


def noise_call(call: LensCall) -> LensCall | None:
    """The call that gives the same numbers of noise; None for a lens that has none."""
    known = None if call.lens.foreign else find_lens(call.name)
    if known is None or not known.offer.noise:
        return None
    return LensCall(call.lens, (*call.options, (NOISE, True)))


def noise_end(of_noise: LensResult) -> float | None:
    """The number that 95% of those of noise do not exceed; None for none, or for another kind of result."""
    if not isinstance(of_noise.result, Scalars):
        return None
    values = of_noise.result.values.astype(np.float64)
    return noise_floor(np.sort(values[np.isfinite(values)]))
