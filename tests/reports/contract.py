"""The contract's schema, written out once more as a checker: keys, their order, their types."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

Check = Callable[[Any, str], None]


def obj(optional: tuple[str, ...] = (), **fields: Check) -> Check:
    """An object with exactly these keys, in this order; those that are `optional` may be missing."""

    def check(value: Any, where: str) -> None:
        assert isinstance(value, dict), where
        assert list(value) == [key for key in fields if key in value or key not in optional], where
        for key, inner in value.items():
            fields[key](inner, f"{where}.{key}")

    return check


def many(of: Check) -> Check:
    """A list of the same."""

    def check(value: Any, where: str) -> None:
        assert isinstance(value, list), where
        for i, item in enumerate(value):
            of(item, f"{where}[{i}]")

    return check


def exactly(count: int, of: Check) -> Check:
    """A list of so many of the same."""

    def check(value: Any, where: str) -> None:
        many(of)(value, where)
        assert len(value) == count, where

    return check


def one_of(*kinds: type | str | None) -> Check:
    """One of these types, of these words, or null; a bool is no number."""

    def check(value: Any, where: str) -> None:
        for kind in kinds:
            if kind is None and value is None:
                return
            if isinstance(kind, str) and value == kind:
                return
            if isinstance(kind, type) and type(value) is kind:
                assert kind is not float or math.isfinite(value), where
                return
        raise AssertionError(f"{where}: {value!r} is none of {kinds}")

    return check


def box(value: Any, where: str) -> None:
    """Four floats, in order."""
    assert isinstance(value, list), where
    assert len(value) == 4, where
    for corner in value:
        number(corner, where)
    assert value[0] < value[2], where
    assert value[1] < value[3], where


def maybe(inner: Check) -> Check:
    """That, or null."""
    return lambda value, where: None if value is None else inner(value, where)


text, whole, number = one_of(str), one_of(int), one_of(float)

WORD = obj(id=whole, piece=maybe(text), text=maybe(text), score=maybe(number), special=one_of(bool))

POSITIONS = ("position_ids",)
"""Of decoders that turn each token by time, row and column."""
TOKEN_FIELDS: dict[str, Check] = {
    "index": whole,
    "kind": one_of("patch", "newline", "query"),
    "grid": maybe(whole),
    "row": maybe(whole),
    "col": maybe(whole),
    "box": maybe(box),
    "inside": number,
    "patches": many(whole),
    "position_ids": exactly(3, whole),
    "norm": maybe(number),
    "words": many(WORD),
}

REPORT = obj(
    schema=one_of("vlmtui/report/1"),
    model=obj(name=text, family=text, revision=maybe(text), dtype=text, device=text, processor=maybe(text)),
    image=obj(source=text, sha256=text, width=whole, height=whole),
    query=obj(
        metric=one_of("l2", "cosine", "cosine-centred", "dot", "omp", "omp-positive", "pinv", "logit"),
        k=whole,
        stage=text,
        candidates=whole,
        left_out=whole,
        hidden=maybe(whole),
        prompt=maybe(text),
        prompt_text=maybe(text),
        template=one_of("chat", "processor", "tokenizer", "none"),
        length_ratio=maybe(number),
    ),
    grids=many(
        obj(
            id=whole,
            kind=one_of("whole", "tile"),
            box=box,
            rows=whole,
            cols=whole,
            patch_rows=whole,
            patch_cols=whole,
            norms=many(many(maybe(number))),
            prefix_norms=many(many(maybe(number))),
        )
    ),
    tokens=many(obj(POSITIONS, **TOKEN_FIELDS)),
    hub_words=maybe(many(obj(id=whole, piece=maybe(text), text=maybe(text), share=number))),
)

LINE = obj(POSITIONS, **TOKEN_FIELDS, image=obj(source=text), model=obj(name=text))
FAILED_LINE = obj(image=obj(source=text), error=text)
