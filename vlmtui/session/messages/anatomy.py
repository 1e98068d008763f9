"""One patch before the tower's first block."""

from __future__ import annotations

import msgspec

from vlmtui.anatomy import Anatomy


class FindPatch(msgspec.Struct, frozen=True, tag=True):
    """What becomes of one vision patch of a reading, by its index in `Reading.patch_places`; answered by `PatchFound`.

    No block of the tower is run for it.
    """

    reading: str
    patch: int


class PatchFound(msgspec.Struct, frozen=True, tag=True):
    """The patch asked for."""

    reading: str
    anatomy: Anatomy
