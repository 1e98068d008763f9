"""How many sizes of the screen costly tests take: `few`, or `every` one with VLMTUI_SIZES=all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def sizes(every: Sequence[T], few: Sequence[T]) -> Sequence[T]:
    """The cases of a test, which are run at sizes of the screen."""
    return every if os.environ.get("VLMTUI_SIZES") == "all" else few
