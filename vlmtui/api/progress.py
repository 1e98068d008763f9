"""Progress bars of the Python API, and waiting for a session's answer; in a notebook, the notebook's own bar."""

from __future__ import annotations

import sys
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from vlmtui.display.pieces import plain
from vlmtui.session.client import SessionClient
from vlmtui.session.protocol import Progress

_EVERY_S = 0.2
_SHARE, _TIME = "{desc} {percentage:.0f}%|{bar}| {elapsed}", "{desc} {elapsed}"
_T = TypeVar("_T")


def in_notebook() -> bool:
    """Whether this is the kernel of a notebook, not a script or a prompt."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and "IPKernelApp" in shell.config


class ProgressBars:
    """Progress of a session, reported by the thread that reads from it and drawn by the thread that waits.

    A notebook shows beneath a cell only what the thread that runs the cell draws. Below 0.2 s there is no bar.
    """

    def __init__(self) -> None:
        self._latest: Progress | None = None

    def __call__(self, progress: Progress) -> None:
        """Note the latest progress; called by the thread that reads from the session."""
        self._latest = progress

    def until(self, future: Future[Any]) -> None:
        """Draw a bar until `future` is done, then remove it."""
        bar, doing = None, ""
        try:
            while wait([future], _EVERY_S).not_done:
                if (latest := self._latest) is None:
                    continue
                if bar is None:
                    from tqdm.auto import tqdm

                    bar = tqdm(total=1, leave=False, bar_format=_TIME)
                bar.bar_format = _SHARE if latest.total else _TIME
                if doing != latest.doing:
                    doing = latest.doing
                    bar.set_description_str(plain(doing), refresh=False)
                    bar.reset(latest.total or 1)
                bar.n = latest.done
                bar.refresh()
        finally:
            self._latest = None
            if bar is not None:
                bar.close()


def wait_for(client: SessionClient, future: Future[_T]) -> _T:
    """The result of a request. On Ctrl-C the request is cancelled."""
    try:
        if isinstance(client.on_progress, ProgressBars):
            client.on_progress.until(future)
        return future.result()
    except KeyboardInterrupt:
        client.cancel(future)
        if client.shared:
            client.leave_lenses()
        raise
