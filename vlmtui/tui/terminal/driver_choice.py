"""Driver of the terminal by its name: what `VLMTUI_DRIVER` says."""

from __future__ import annotations

import os
from typing import Literal

from vlmtui.errors import UsageError

ENVIRONMENT = "VLMTUI_DRIVER"
DriverName = Literal["differences", "textual"]


def chosen_driver() -> DriverName:
    """`differences`, which sends only the cells that change, or `textual`, Textual's own.

    Raises `UsageError` where the environment names another.
    """
    name = os.environ.get(ENVIRONMENT, "").strip() or "differences"
    if name == "textual":
        return "textual"
    if name == "differences":
        return "differences"
    raise UsageError(f"{ENVIRONMENT}={name}: the drivers are differences and textual")
