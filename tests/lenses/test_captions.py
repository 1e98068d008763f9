"""Lens text: whoever reads numbers of noise is told that they are."""

from __future__ import annotations

import numpy as np
import pytest

from vlmtui.lenses.captions import LensInputs, LensResult, brief_legend, legend_line, report_line
from vlmtui.lenses.kinds import Scalars
from vlmtui.lenses.lens_source import lens_call


@pytest.mark.parametrize("name", ["find", "similarity"])
def test_numbers_of_noise_are_called_so(name: str) -> None:
    inputs = LensInputs("roof", "patch 1,2")
    for noise in (False, True):
        found = LensResult(lens_call(name, noise=noise), "tokens", Scalars(np.zeros(3, np.float32)))
        for said in (report_line(found, inputs), legend_line(found, inputs), brief_legend(found, inputs)):
            assert ("of the image with its pixels shuffled" in said) == noise
