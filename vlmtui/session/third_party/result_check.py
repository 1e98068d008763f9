"""Check of a lens's result against the kind that the lens declares, and the entries that it was asked about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np
from msgspec.structs import replace

from vlmtui.errors import UsageError, VlmtuiError
from vlmtui.lenses.base import Lens
from vlmtui.lenses.kinds import Colours, LayerWords, Matrix, Result, ResultKind, Scalars, TokenMaps, Words
from vlmtui.lenses.validation import validated
from vlmtui.session.vocabulary_index import TokenNamer

_ROUNDING = 1e-3
"""How far a colour may be outside 0 … 1 and still be clipped."""


def checked_result(lens: Lens, found: object, where: str, entries: int, said: int | None) -> Result:
    """The result, where it is of the kind that the lens declares, and has as many values as there are `entries`.

    `said` is how many tokens the answer has, None without one. `VlmtuiError` for any other result.
    """
    kind = lens.kind
    if not isinstance(found, kind):
        what = found.name if isinstance(found, ResultKind) else "None" if found is None else _one(type(found).__name__)
        raise VlmtuiError(
            f"{where}: the lens {lens.name} returned {what}, but is declared to return {kind.name}, {kind.one}"
        )
    check_lengths(lens, found, where, entries, said)
    if isinstance(found, Colours) and not found.signed:
        found = _in_range(lens, found, where)
    try:
        # `own` is for built-in lenses only
        return cast(Result, validated(replace(found, own=b"", seconds=0.0)))
    except UsageError as error:
        raise VlmtuiError(f"{where}: the lens {lens.name} returned {kind.name} whose {error}") from error


def check_lengths(lens: Lens, found: ResultKind, where: str, entries: int, said: int | None) -> None:
    """Raise `VlmtuiError` where a result has not as many values as there are `entries` and tokens of the answer."""
    for axis, has, wanted in _counts(found, entries, said):
        if has != wanted:
            raise VlmtuiError(
                f"{where}: the lens {lens.name} returned {lens.kind.name} of {has} {axis}, but there are {wanted}"
            )


def with_token_names(
    found: Words | LayerWords, namer: TokenNamer | None, rows: int, lens: Lens, where: str
) -> Words | LayerWords:
    """Words given by their ids, with their names; `VlmtuiError` for an id that is no row of the vocabulary."""
    if not found.rows or found.pieces:
        return found
    ids = found.ids[found.ids >= 0]
    if namer is None:
        raise VlmtuiError(f"{where}: the lens {lens.name} returned words by their ids, but the model has no words")
    if ids.size and int(ids.max()) >= rows:
        raise VlmtuiError(f"{where}: the lens {lens.name} returned the id {ids.max()}, but the last row is {rows - 1}")
    names = namer.names(ids)
    return replace(found, pieces=names.pieces, strings=names.texts, special=names.special)


def _counts(found: ResultKind, entries: int, said: int | None) -> Iterator[tuple[str, int, int]]:
    """For each axis whose length is known: its name, its length, and the length that it should have."""
    match found:
        case Scalars() | Colours():
            yield "entries", len(found.values), entries
        case Words():
            yield "entries", len(found.ids), entries
        case LayerWords():
            yield "entries", found.ids.shape[1], entries
        case TokenMaps():
            yield "entries", found.values.shape[1], entries
            if said is not None:
                yield "answer tokens", len(found.values), said
        case Matrix():
            for axis, length in zip(found.axes, found.values.shape, strict=True):
                if axis == "entry":
                    yield "entries", length, entries
                elif axis == "answer token" and said is not None:
                    yield "answer tokens", length, said


def _one(name: str) -> str:
    """The name of a type with its article: an int, a list."""
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _in_range(lens: Lens, found: Colours, where: str) -> Colours:
    """The colours clipped to 0 … 1; `VlmtuiError` for one that is far outside."""
    values = found.values
    wrong = values[(values < -_ROUNDING) | (values > 1 + _ROUNDING)]
    if wrong.size:
        raise VlmtuiError(
            f"{where}: the lens {lens.name} returned a colour component of {wrong[0]:g}: red, green and blue must "
            "be from 0 to 1"
        )
    return replace(found, values=np.clip(values, 0, 1))
