"""Result kinds: the eight types a lens may return. Clients draw each kind in one way, whatever lens it came from.

Each accepts a tensor of any dtype and device, an array or a list, and holds float32 (word scores float64, ids int64).
NaN is allowed: it is null in reports and uncoloured on the image. `note` is what a reader must know about the numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from vlmtui.lenses.arrays import array, decode_array, encode_other

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]
TextRows = Sequence[Sequence[str]]
FactValue = str | float | int | bool | None

AXES = ("layer", "head", "entry", "answer token", "prompt token", "component", "word")
"""The allowed names of a `Matrix`'s axes."""

_T = TypeVar("_T")
_N = TypeVar("_N", np.float32, np.float64)
_own = msgspec.msgpack.Encoder(enc_hook=encode_other)


def _missing() -> Any:
    """The default of ids and scores: ids are then numbered from texts, scores are NaN."""
    return None


class ResultKind(msgspec.Struct, frozen=True, kw_only=True):
    """The base of all kinds. `seconds` is filled in by the session; `own` holds the details of a built-in lens, encoded
    by `pack_details`, for its typed wrapper and its own report lines only."""

    name: ClassVar[str] = ""
    one: ClassVar[str] = ""

    note: str = ""
    seconds: float = 0.0
    own: bytes = b""


class _Values(ResultKind, frozen=True):
    """Kinds that hold one float32 array of `dimensions` dimensions; `expected` is the start of the error otherwise."""

    dimensions: ClassVar[int] = 1
    expected: ClassVar[str] = ""

    values: Floats

    def __post_init__(self) -> None:
        _set(self, "values", _floats(self.values, self.dimensions, self.expected))


class Scalars(_Values, frozen=True, tag="scalars"):
    """One number per entry, float32 [entries]."""

    name: ClassVar[str] = "Scalars"
    one: ClassVar[str] = "one number per entry"
    expected: ClassVar[str] = "Scalars takes one number per entry, [entries]"

    if TYPE_CHECKING:

        def __init__(self, values: Any, *, note: str = "", seconds: float = 0.0, own: bytes = b"") -> None: ...


class Colours(ResultKind, frozen=True, tag="colours"):
    """One colour per entry, float32 [entries, 3]: red, green and blue, each in 0 … 1.

    With `signed`, as in the built-in `pca`, they are components in -1 … 1 instead.
    """

    name: ClassVar[str] = "Colours"
    one: ClassVar[str] = "one colour per entry"

    values: Floats
    signed: bool = False

    if TYPE_CHECKING:

        def __init__(
            self, values: Any, signed: bool = False, *, note: str = "", seconds: float = 0.0, own: bytes = b""
        ) -> None: ...

    def __post_init__(self) -> None:
        values = _floats(self.values, 2, "Colours takes red, green and blue for every entry, [entries, 3]")
        if values.shape[1] != 3:
            raise ValueError(f"Colours takes red, green and blue for every entry, [entries, 3], not {values.shape}")
        _set(self, "values", values)


class _Named(ResultKind, frozen=True, kw_only=True):
    """Words given as ids or as texts. `pieces`, `strings` and `special` name the ids; the session fills them in."""

    pieces: dict[int, str | None] = msgspec.field(default_factory=dict)
    strings: dict[int, str | None] = msgspec.field(default_factory=dict)
    special: frozenset[int] = frozenset()
    rows: bool = True
    """Whether ids are vocabulary rows; otherwise they number the given texts."""


class Words(_Named, frozen=True, tag="words"):
    """Words per entry: `ids` int64 (vocabulary rows) or `texts`, their `scores` float64, best first, and an optional
    `detail` of each, float64; all [entries, k]. A negative id stands for no word."""

    name: ClassVar[str] = "Words"
    one: ClassVar[str] = "words per entry"

    ids: Ints = msgspec.field(default_factory=_missing)
    scores: Doubles = msgspec.field(default_factory=_missing)
    detail: Doubles | None = None
    texts: TextRows | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            ids: Any = None,
            scores: Any = None,
            detail: Any = None,
            texts: TextRows | None = None,
            *,
            note: str = "",
            seconds: float = 0.0,
            own: bytes = b"",
            pieces: Any = None,
            strings: Any = None,
            special: Any = None,
            rows: bool = True,
        ) -> None: ...

    def __post_init__(self) -> None:
        _name_texts(self, 2, "[entries, k]")
        if self.detail is not None:
            _set(self, "detail", _like(self.detail, self.ids, "detail"))


class LayerWords(_Named, frozen=True, tag="layer-words"):
    """Words by layer: `ids` or `texts`, and their `scores`, best first; all [layers, entries, k]."""

    name: ClassVar[str] = "LayerWords"
    one: ClassVar[str] = "words by layer"

    ids: Ints = msgspec.field(default_factory=_missing)
    scores: Doubles = msgspec.field(default_factory=_missing)
    texts: Sequence[TextRows] | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            ids: Any = None,
            scores: Any = None,
            texts: Sequence[TextRows] | None = None,
            *,
            note: str = "",
            seconds: float = 0.0,
            own: bytes = b"",
            pieces: Any = None,
            strings: Any = None,
            special: Any = None,
            rows: bool = True,
        ) -> None: ...

    def __post_init__(self) -> None:
        _name_texts(self, 3, "[layers, entries, k]")


class TokenMaps(_Values, frozen=True, tag="token-maps"):
    """A map over the image for every token of the answer, float32 [answer tokens, entries]."""

    name: ClassVar[str] = "TokenMaps"
    one: ClassVar[str] = "one map per answer token"
    dimensions: ClassVar[int] = 2
    expected: ClassVar[str] = "TokenMaps takes [answer tokens, entries]"

    if TYPE_CHECKING:

        def __init__(self, values: Any, *, note: str = "", seconds: float = 0.0, own: bytes = b"") -> None: ...


class Matrix(ResultKind, frozen=True, tag="matrix"):
    """Numbers along named axes (`AXES`), float32, one name per dimension: `Matrix(values, axes=("layer", "head"))`."""

    name: ClassVar[str] = "Matrix"
    one: ClassVar[str] = "numbers along named axes"

    values: Floats
    axes: tuple[str, ...]

    if TYPE_CHECKING:

        def __init__(
            self, values: Any, axes: Sequence[str], *, note: str = "", seconds: float = 0.0, own: bytes = b""
        ) -> None: ...

    def __post_init__(self) -> None:
        given: Any = self.axes
        axes = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
        if not axes or any(axis not in AXES for axis in axes):
            raise ValueError(f"Matrix names an axis for every dimension, from {', '.join(AXES)}, not {axes}")
        _set(self, "axes", axes)
        _set(self, "values", _floats(self.values, len(axes), f"Matrix takes a dimension for each of {axes}"))


class Scores(ResultKind, frozen=True, tag="scores"):
    """Scores of the whole image by label: `Scores({"cat": 0.9, "dog": 0.1})`, or labels and values [labels]."""

    name: ClassVar[str] = "Scores"
    one: ClassVar[str] = "scores of the whole image"

    labels: tuple[str, ...]
    values: Floats = msgspec.field(default_factory=lambda: np.zeros(0, np.float32))

    if TYPE_CHECKING:

        def __init__(
            self, labels: Any, values: Any = None, *, note: str = "", seconds: float = 0.0, own: bytes = b""
        ) -> None: ...

    def __post_init__(self) -> None:
        labels: Any = self.labels
        values: Any = self.values
        if isinstance(labels, Mapping):
            labels, values = tuple(labels), list(labels.values())
        if isinstance(labels, str) or not isinstance(labels, Iterable):
            raise ValueError(f"Scores takes labels and their values, not {type(labels).__name__}")
        named = tuple(str(label) for label in labels)
        numbers = _floats(values, 1, "Scores takes one number per label, [labels]")
        if len(named) != len(numbers):
            raise ValueError(f"Scores takes a number for each of {len(named)} labels, not {len(numbers)}")
        _set(self, "labels", named)
        _set(self, "values", numbers)


class Facts(ResultKind, frozen=True, tag="facts"):
    """Facts about one entry, as labels and values: `Facts({"contrast": 0.3, "colour": "red"})`, or a list of pairs."""

    name: ClassVar[str] = "Facts"
    one: ClassVar[str] = "facts about one entry"

    rows: tuple[tuple[str, FactValue], ...]

    if TYPE_CHECKING:

        def __init__(self, rows: Any, *, note: str = "", seconds: float = 0.0, own: bytes = b"") -> None: ...

    def __post_init__(self) -> None:
        given: Any = self.rows
        pairs = given.items() if isinstance(given, Mapping) else given
        try:
            rows = tuple((str(label), _fact(value)) for label, value in pairs)
        except (TypeError, ValueError) as error:
            raise ValueError(f"Facts takes labels and their values, texts or numbers ({error})") from None
        _set(self, "rows", rows)


Result = Scalars | Colours | Words | LayerWords | TokenMaps | Matrix | Scores | Facts
KINDS: dict[str, type[ResultKind]] = {
    kind.name: kind for kind in (Scalars, Colours, Words, LayerWords, TokenMaps, Matrix, Scores, Facts)
}
"""The kinds by their names."""


def pack_details(value: Any) -> bytes:
    """Encode the details of a built-in lens: a struct, or a dictionary of plain values and arrays."""
    return _own.encode(value)


def unpack_details(result: ResultKind, type_: type[_T]) -> _T:
    """Decode the details of a result as their own type."""
    return msgspec.msgpack.decode(result.own, type=type_, dec_hook=decode_array)


def details_of(result: ResultKind) -> dict[str, Any]:
    """The details of a result as plain values; empty where there are none."""
    return msgspec.msgpack.decode(result.own, type=dict[str, Any]) if result.own else {}


def _set(kind: ResultKind, name: str, value: Any) -> None:
    msgspec.structs.force_setattr(kind, name, value)


def _floats(values: Any, dimensions: int, wanted: str) -> Floats:
    try:
        found = _real(values, np.float32)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{wanted}, of numbers ({error})") from None
    if found.ndim != dimensions:
        raise ValueError(f"{wanted}, not an array of shape {found.shape}")
    return found


def _real(values: Any, dtype: type[_N]) -> NDArray[_N]:
    """Convert to an array of this dtype. `TypeError` for complex numbers, which would lose their imaginary part."""
    found = array(values)
    if found.dtype.kind == "c":
        raise TypeError("they are complex")
    return np.asarray(found, dtype=dtype)


def _fact(value: Any) -> FactValue:
    found = value.item() if hasattr(value, "item") else value  # a number of NumPy or torch
    if found is None or isinstance(found, str | bool | int | float):
        return found
    raise TypeError(f"{type(value).__name__} is neither")


def _name_texts(words: Words | LayerWords, dimensions: int, shape: str) -> None:
    """Convert ids and scores to arrays; texts are numbered, and their numbers become the ids."""
    kind = type(words).__name__
    ids: Any = words.ids
    if ids is None and words.texts is None:
        raise ValueError(f"{kind} takes ids or texts, {shape}")
    if words.texts is not None:
        numbers: dict[str, int] = {}
        try:
            ids = _numbered(words.texts, numbers)
        except TypeError as error:
            raise ValueError(f"{kind} takes texts {shape} ({error})") from None
        strings = {number: text for text, number in numbers.items()}
        _set(words, "texts", None)
        _set(words, "strings", strings)
        _set(words, "pieces", dict(strings))
        _set(words, "rows", False)
    try:
        found = _whole(array(ids))
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{kind} takes ids that are whole numbers, {shape} ({error})") from None
    if found.ndim != dimensions:
        raise ValueError(f"{kind} takes ids or texts {shape}, not of shape {found.shape}")
    _set(words, "ids", found)
    scores: Any = words.scores
    if scores is None:
        scores = np.full(found.shape, np.nan)
    _set(words, "scores", _like(scores, found, "scores"))


def _whole(ids: Any) -> Ints:
    """Convert to int64. `TypeError` for numbers that are not whole."""
    if ids.dtype.kind not in "iub" and not (ids.dtype.kind == "f" and (np.isfinite(ids) & (ids == ids.round())).all()):
        raise TypeError(f"not {ids.dtype}")
    return np.asarray(ids, dtype=np.int64)


def _numbered(texts: Any, numbers: dict[str, int]) -> Any:
    if isinstance(texts, str):
        return numbers.setdefault(texts, len(numbers))
    return [_numbered(one, numbers) for one in texts]


def _like(values: Any, ids: Ints, what: str) -> Doubles:
    try:
        found = _real(values, np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{what} are numbers, one for each word ({error})") from None
    if found.shape != ids.shape:
        raise ValueError(f"{what} are one for each word, {ids.shape}, not {found.shape}")
    return found
