"""What is numbered: layers, heads, tokens of an answer."""

from __future__ import annotations

from vlmtui.errors import UsageError


def check_number(number: int | None, first: int, last: int, what: str) -> None:
    """`UsageError` for a number that is not among `first` … `last`; none at all is well."""
    if number is not None and not first <= number <= last:
        raise UsageError(f"there is no {what}: choose {first} … {last}")
