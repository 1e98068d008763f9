"""Occlusion blocks, and the drop of log-probability when each is removed. The model is run by callables."""

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
    """The drop of each answer token's log-probability without each group of image tokens.

    float32 [groups, answer tokens], above 0 where the answer depends on the group (Zeiler & Fergus 2014).
    `run_with` returns the log-probabilities [answer tokens] with each of the given groups (int64 [n]) removed, in
    order; it is first called with an empty group. `on_group` receives the number of groups done, their total, and the
    last drop. `should_stop` is called between groups; when it returns True, `CancelledError` is raised.
    """
    (whole,) = run_with([torch.zeros(0, dtype=torch.int64)])
    drops = torch.zeros(len(groups), len(whole))
    without = iter(run_with(groups))
    for i in range(len(groups)):
        if should_stop():
            raise CancelledError("the request was cancelled")
        drops[i] = whole.float() - next(without).float()
        on_group(i + 1, len(groups), drops[i])
    return drops


def token_blocks(places: Sequence[tuple[int, int, int] | None], side: int) -> list[Tensor]:
    """Group image tokens into blocks of side × side, each the int64 indices of its tokens.

    `places` are the (grid, row, column) of each token, None for one without a place, which forms its own block. Blocks
    are ordered by their first tokens.
    """
    assert side >= 1
    found: dict[tuple[int, ...], list[int]] = {}
    for token, place in enumerate(places):
        key = (-1, token) if place is None else (place[0], place[1] // side, place[2] // side)
        found.setdefault(key, []).append(token)
    return [torch.tensor(tokens) for tokens in found.values()]
