"""What the legend says of an occlusion map's numbers."""

from __future__ import annotations

import numpy as np
import pytest

from vlmtui.tui.state.answer_values import most_lost


@pytest.mark.parametrize(
    ("values", "of", "said"),
    [
        ([0.1, 0.25, -0.01], -0.5, "most 0.250, 50% of -0.500"),
        # more is gained than lost
        ([0.0568, -0.0699, np.nan], -0.683, "most 0.0568, 8% of -0.683 · gained at most 0.0699"),
        ([-0.2, -0.1], -0.5, "gained at most 0.200"),
        # many times what there is
        ([3.0], -0.01, "most 3.00"),
        ([3.0], 0.0, "most 3.00"),
        ([0.0, 0.0], -0.5, "nothing"),
        ([np.nan], -0.5, "nothing"),
    ],
)
def test_the_most_that_is_lost_is_no_gain(values: list[float], of: float, said: str) -> None:
    assert most_lost(np.array(values), of) == said
