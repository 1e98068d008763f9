"""Table of checks: one result for each check, also where it ends in an exception."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from vlmtui.errors import CancelledError, VlmtuiError, lacks_memory, one_line
from vlmtui.session.protocol import Check

TOKENS = "image tokens"
TOKEN_BOXES = "token boxes"
PATCH_BOXES = "patch boxes"
NORMS = "norms"
POSITIONS = "position ids"
OWN_VECTORS = "words' own vectors"
LOGITS = "logits"
WEIGHTS = "weights in part"
WORDS = "words in part"
CLASS_LOGITS = "class logits"
EVIDENCE = "evidence"
TEXT_TOWER = "text tower"
MATCHING = "image-text logits"
OF_WORDS = (TOKENS, POSITIONS, TOKEN_BOXES, OWN_VECTORS, LOGITS, WORDS)
OF_HEADS = (CLASS_LOGITS, EVIDENCE)
OF_TEXTS = (TEXT_TOWER, MATCHING)
CHECKS = (TOKENS, POSITIONS, TOKEN_BOXES, PATCH_BOXES, NORMS, OWN_VECTORS, LOGITS, WEIGHTS, WORDS, *OF_HEADS, *OF_TEXTS)


class CheckTable:
    """The results of the checks. The first result that is entered for a check stays."""

    def __init__(self) -> None:
        self._results: dict[str, Check] = {}
        self._left_out: set[str] = set()

    def judged(self, name: str, holds: bool, figure: str, compared: int) -> None:
        """Enter a check that was carried out on so many things; of none, nothing is known."""
        if not compared:
            self.unchecked([name], "there was nothing to compare")
            return
        self._results.setdefault(name, Check(name, "pass" if holds else "fail", figure))

    def failed(self, name: str, why: str) -> None:
        """Enter a check that ended in an error."""
        self._results.setdefault(name, Check(name, "fail", why))

    def unchecked(self, names: Iterable[str], why: str) -> None:
        """Enter checks that cannot be carried out, where they have no result yet."""
        for name in names:
            if name not in self._left_out:
                self._results.setdefault(name, Check(name, "unchecked", why))

    def not_applicable(self, names: Iterable[str]) -> None:
        """Leave out checks of what a model of this kind does not have."""
        self._left_out |= {name for name in names if name not in self._results}

    def open(self, name: str) -> bool:
        """Whether a check applies and has no result yet."""
        return name not in self._results and name not in self._left_out

    def complete(self) -> tuple[Check, ...]:
        """The results of all checks that apply, in the order of `CHECKS`."""
        return tuple(self._results[name] for name in CHECKS if name not in self._left_out)

    @contextmanager
    def check(self, *names: str) -> Iterator[None]:
        """In this block an exception fails the checks; one for lack of memory leaves them unchecked."""
        try:
            yield
        except CancelledError:
            raise
        except Exception as error:
            for name in names:
                self._ended(name, error)
            if not (isinstance(error, VlmtuiError) or lacks_memory(error)):
                traceback.print_exc()  # to the session's log

    def _ended(self, name: str, error: Exception) -> None:
        if lacks_memory(error):
            self.unchecked([name], f"there was not enough memory: {one_line(error, 300)}")
        elif isinstance(error, VlmtuiError):
            self.failed(name, one_line(error, 300))
        else:
            self.failed(name, f"the check failed to run: {type(error).__name__}: {one_line(error, 300)}")
