"""The table of checks as it grows: one line a check, and an exception is a line too."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch

from vlmtui.errors import CancelledError, OutOfMemoryError, VlmtuiError
from vlmtui.session.protocol import Check

TOKENS = "image tokens"
TOKEN_BOXES = "token boxes"
PATCH_BOXES = "patch boxes"
NORMS = "norms"
OWN_VECTORS = "words' own vectors"
LOGITS = "logits"
WEIGHTS = "weights in part"
WORDS = "words in part"
CHECKS = (TOKENS, TOKEN_BOXES, PATCH_BOXES, NORMS, OWN_VECTORS, LOGITS, WEIGHTS, WORDS)


class CheckTable:
    """What came of each check. The first that is said of one stands."""

    def __init__(self) -> None:
        self._found: dict[str, Check] = {}

    def judged(self, name: str, holds: bool, figure: str) -> None:
        """The check was carried out."""
        self._found.setdefault(name, Check(name, "pass" if holds else "fail", figure))

    def unchecked(self, names: Iterable[str], why: str) -> None:
        """These checks, where nothing is known of them yet, cannot be carried out."""
        for name in names:
            self._found.setdefault(name, Check(name, "unchecked", why))

    def open(self, name: str) -> bool:
        """Whether nothing is known of this check yet."""
        return name not in self._found

    def complete(self) -> tuple[Check, ...]:
        """All of them, in the order of `CHECKS`."""
        return tuple(self._found[name] for name in CHECKS)

    @contextmanager
    def check(self, name: str) -> Iterator[None]:
        """Within this, an exception is the check's failure; memory that does not suffice leaves it unchecked."""
        try:
            yield
        except CancelledError:
            raise
        except (OutOfMemoryError, torch.OutOfMemoryError, MemoryError) as error:
            self.unchecked([name], f"memory did not allow it: {_brief(error)}")
        except VlmtuiError as error:
            self.judged(name, False, _brief(error))
        except Exception as error:
            if "not enough memory" in str(error):
                self.unchecked([name], f"memory did not allow it: {_brief(error)}")
                return
            traceback.print_exc()  # the session's log has more
            self.judged(name, False, f"it could not be carried out: {type(error).__name__}: {_brief(error)}")


def _brief(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else text[:297] + "..."
