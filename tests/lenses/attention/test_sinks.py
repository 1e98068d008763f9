"""Sinks, against numbers that were made by hand."""

from __future__ import annotations

import torch

from vlmtui.lenses.attention.kernel import SINK_TIMES, attention_sinks


def test_sinks_stand_out_of_the_median():
    shares = torch.full((50,), 0.01)
    shares[0], shares[20], shares[30] = 0.4, 0.01 * SINK_TIMES + 0.001, 0.01 * SINK_TIMES - 0.001
    assert torch.nonzero(attention_sinks(shares)).flatten().tolist() == [0, 20]
    assert torch.nonzero(attention_sinks(shares, times=5)).flatten().tolist() == [0, 20, 30]
    assert not attention_sinks(torch.full((4,), 0.25)).any()
    assert attention_sinks(torch.zeros(0)).shape == (0,)
