"""What the legend says of an occlusion map's numbers."""

from __future__ import annotations

import numpy as np
import pytest

from vlmtui.tui.state.answer_values import most_lost


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([0.1, 0.25, -0.01], "most 0.250: 22% less likely"),
        # more is gained than lost
        (
            [0.0568, -0.0699, np.nan],
            "no large effect · most 0.0568: 6% less likely · gained at most 0.0699: 7% likelier",
        ),
        ([-0.2, -0.1], "no large effect · gained at most 0.200: 22% likelier"),
        ([0.223], "no large effect · most 0.223: 20% less likely"),
        ([0.224, -0.1], "most 0.224: 20% less likely"),
        ([-3.0], "gained at most 3.00: 20× as likely"),
        # a probability is never lost whole
        ([3.0], "most 3.00: 95% less likely"),
        ([525.0], "most 525: >99.9% less likely"),
        ([0.0, 0.0], "nothing"),
        ([np.nan], "nothing"),
    ],
)
def test_what_is_lost_is_said_as_a_probability(values: list[float], said: str) -> None:
    assert most_lost(np.array(values)) == said
