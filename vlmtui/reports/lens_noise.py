"""Noise of a drawn lens: where the numbers of a map end to be more than noise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vlmtui.errors import UsageError
from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.noise_call import noise_call, noise_end
from vlmtui.query.search_options import SearchOptions
from vlmtui.session.reconnecting import OnProgress

if TYPE_CHECKING:
    from vlmtui.session.client import SessionClient


def with_noise_end(
    client: SessionClient, reading: str, found: LensResult, search: SearchOptions, on_progress: OnProgress | None = None
) -> LensResult:
    """The result with the end of noise, where that is asked for and the lens can say it.

    An image whose pixels cannot be shuffled has none: its map is on the scale of its own numbers.
    """
    call = noise_call(found.call) if search.noise else None
    if call is None:
        return found
    try:
        of_noise = client.look(reading, found.stage, call, on_progress=on_progress).result()
    except UsageError:
        return found
    return replace(found, noise_end=noise_end(of_noise))
