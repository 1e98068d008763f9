"""Blurred boxes."""

from __future__ import annotations

import numpy as np

from vlmtui.lenses.ablation.kernel import blur_boxes


def test_blurred_boxes_and_nothing_else():
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (60, 90, 3), dtype=np.uint8)
    made = blur_boxes(rgb, [(10.2, 20.0, 29.7, 40.0), (80.0, -5.0, 200.0, 5.5), (3.0, 3.0, 3.0, 9.0)])
    inside = np.zeros((60, 90), bool)
    inside[20:40, 10:30] = inside[0:6, 80:90] = True
    assert np.array_equal(made[~inside], rgb[~inside])
    for part in (made[20:40, 10:30], made[0:6, 80:90]):
        assert part.std(axis=(0, 1)).max() < 12 < 60 < rgb.std(axis=(0, 1)).min()
    assert abs(made[20:40, 10:30].mean() - rgb[10:50, 5:40].mean()) < 5
    assert np.array_equal(blur_boxes(rgb, []), rgb)
