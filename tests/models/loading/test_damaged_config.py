"""Values of a config that no model has: one sentence, never transformers' own error."""

from __future__ import annotations

import random

from benchmarks.attacks import checkpoints


def test_replaced_values_are_read_or_refused() -> None:
    tried = list(checkpoints(random.Random(1), 40))
    assert len(tried) == 40
    assert [what for what, lost in tried if lost] == []
