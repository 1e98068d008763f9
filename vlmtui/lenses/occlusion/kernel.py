"""What an answer depends on: parts of a picture taken away, one after the other.

Callables run the model; here is only what is taken away, and what is made of the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from vlmtui.errors import CancelledError


def drop_by_group(
    run_with: Callable[[Sequence[Tensor]], Iterable[Tensor]],
    groups: Sequence[Tensor],
    on_group: Callable[[int, int, Tensor], None] = lambda done, total, drop: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Tensor:
    """How much the log-probability of each token of an answer falls without each group of image tokens.

    `run_with` gives the log-probabilities [answer tokens] with each of these groups (int64 [n], one of none at first)
    taken away, in their order.
    float32 [groups, answer tokens], above 0 where the group carries the answer (Zeiler & Fergus 2014). `on_group`
    hears how many groups are done of how many, and the last one's drop; between them `should_stop` is asked:
    `CancelledError` when it says so.
    """
    (whole,) = run_with([torch.zeros(0, dtype=torch.int64)])
    drops = torch.zeros(len(groups), len(whole))
    without = iter(run_with(groups))
    for i in range(len(groups)):
        if should_stop():
            raise CancelledError("the question was withdrawn")
        drops[i] = whole.float() - next(without).float()
        on_group(i + 1, len(groups), drops[i])
    return drops


def token_blocks(places: Sequence[tuple[int, int, int] | None], side: int) -> list[Tensor]:
    """Image tokens in blocks of side × side: of each block its tokens, int64.

    `places` are each token's (grid, row, column), None for one without a place, which is a block of its own. Blocks
    come in the order of their first tokens.
    """
    assert side >= 1
    found: dict[tuple[int, ...], list[int]] = {}
    for token, place in enumerate(places):
        key = (-1, token) if place is None else (place[0], place[1] // side, place[2] // side)
        found.setdefault(key, []).append(token)
    return [torch.tensor(tokens) for tokens in found.values()]
