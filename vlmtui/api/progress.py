"""How far a session is, for whoever waits for its answer: a bar, in a notebook one of the notebook's own."""

from __future__ import annotations

import sys
from concurrent.futures import Future, wait
from typing import Any

from vlmtui.display.pieces import plain
from vlmtui.session.protocol import Progress

_EVERY_S = 0.2
_SHARE, _TIME = "{desc} {percentage:.0f}%|{bar}| {elapsed}", "{desc} {elapsed}"


def in_notebook() -> bool:
    """Whether this is the kernel of a notebook, not a script or a prompt."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and "IPKernelApp" in shell.config


class Bars:
    """Told of progress in the thread that hears the session, and drawn in the one that waits.

    A notebook shows under a cell what the thread that runs the cell draws. What takes no longer than a blink has none.
    """

    def __init__(self) -> None:
        self._latest: Progress | None = None

    def __call__(self, progress: Progress) -> None:
        """Something was done."""
        self._latest = progress

    def until(self, future: Future[Any]) -> None:
        """Draw until the answer is there; nothing stays of the bar."""
        bar, doing = None, ""
        try:
            while wait([future], _EVERY_S).not_done:
                if (told := self._latest) is None:
                    continue
                if bar is None:
                    from tqdm.auto import tqdm

                    bar = tqdm(total=1, leave=False, bar_format=_TIME)
                bar.bar_format = _SHARE if told.total else _TIME
                if doing != told.doing:
                    doing = told.doing
                    bar.set_description_str(plain(doing), refresh=False)
                    bar.reset(told.total or 1)
                bar.n = told.done
                bar.refresh()
        finally:
            self._latest = None
            if bar is not None:
                bar.close()
