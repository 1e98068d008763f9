"""A number, or a colour, for every entry of a stage; or the entries' vectors themselves."""

from __future__ import annotations

import msgspec

from vlmtui.reading import Floats
from vlmtui.values import Lens, Values


class FindValues(msgspec.Struct, frozen=True, tag=True):
    """What a lens makes of every entry of a stage of a reading; answered by `ValuesFound`.

    What the stage needs is done first: the tower run again, the language model's layers loaded.
    """

    reading: str
    stage: str
    lens: Lens


class ValuesFound(msgspec.Struct, frozen=True, tag=True):
    """The values asked for."""

    reading: str
    values: Values


class FindVectors(msgspec.Struct, frozen=True, tag=True):
    """The vectors of all entries of a stage of a reading; answered by `VectorsFound`.

    What the stage needs is done first: the tower run again, the language model's layers loaded.
    """

    reading: str
    stage: str


class VectorsFound(msgspec.Struct, frozen=True, tag=True):
    """The vectors asked for, float32 [entries, hidden] in the order of `Reading.places_at(stage)`."""

    reading: str
    vectors: Floats
