"""Lenses of a person's own, made up: one of each kind, every number made from its entry's own position."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.description import LensDescription, LensOption
from vlmtui.lenses.kinds import Colours, Facts, LayerWords, Matrix, ResultKind, Scalars, Scores, TokenMaps, Words
from vlmtui.lenses.lens_source import LensCall, LensSource
from vlmtui.query.chosen_lens import ChosenLens
from vlmtui.reading import Reading

POWER = LensOption(name="power", takes="float", default=2.0, range="above 0", help="how strongly")
MODE = LensOption(name="mode", takes="choice", choices=("fast", "exact"), default="fast")
SIZES = LensOption(name="sizes", takes="list", of="int", default=[1, 2])
LENSES = {
    each.name: each
    for each in (
        LensDescription(
            name="sharpness", kind=Scalars.name, line="How peaked a patch is.", options=(POWER, MODE, SIZES)
        ),
        LensDescription(name="hues", kind=Colours.name, line="Where a patch lies, as a colour."),
        LensDescription(name="labels", kind=Words.name, line="Words of a patch."),
        LensDescription(name="depths", kind=LayerWords.name, line="Words of a token after every layer."),
        LensDescription(name="looks", kind=TokenMaps.name, subject="answer", line="Where a token looked."),
        LensDescription(name="weights", kind=Matrix.name, line="A number for every head."),
        LensDescription(name="heads", kind=Matrix.name, subject="image", line="A number for every layer and head."),
        LensDescription(name="moods", kind=Scores.name, subject="image", line="The mood of the image."),
        LensDescription(name="measures", kind=Facts.name, line="What can be measured of a patch."),
        LensDescription(name="late", kind=Scalars.name, stages=("llm",), line="Of the language model alone."),
        LensDescription(
            name="needy",
            kind=Scalars.name,
            line="Of a level that must be given.",
            options=(LensOption(name="level", takes="int", required=True),),
        ),
        LensDescription(name="shares", kind=Facts.name, subject="answer", line="What the answer says of a token."),
    )
}


def source(name: str) -> LensSource:
    """That of a file of its own."""
    return LensSource("", f"/somewhere/{name}.py", "a text", (), "0" * 64)


def through(name: str, **given: str) -> ChosenLens:
    """As `--lens ./NAME.py` has it."""
    return ChosenLens(f"./{name}.py", options=tuple(given.items()), source=source(name))


def description(of: LensSource) -> LensDescription:
    """What the session says of it."""
    return LENSES[Path(of.path).stem]


def found(reading: Reading, stage: str, call: LensCall) -> LensResult:
    """What it makes of a stage."""
    name, count = Path(call.lens.path).stem, len(reading.places_at(stage))
    index = np.arange(count, dtype=np.float32)
    return LensResult(call, stage, _result(name, count, index, float(call.given.get("power", 2.0))))


def _result(name: str, count: int, index: np.ndarray, power: float) -> ResultKind:
    match name:
        case "sharpness" | "late" | "needy":
            values = index**power
            values[1] = np.nan
            return Scalars(values, note="of floats")
        case "hues":
            colours = np.stack([index / count, 1 - index / count, 0 * index], axis=1)
            colours[1] = np.nan
            return Colours(colours)
        case "labels":
            return Words(texts=[[f"big{i}", "blue"] for i in range(count)], scores=[[2.0, 1.0]] * count)
        case "depths":
            return LayerWords(texts=[[["it", "a"]], [["was", "is"]], [["sky", "sea"]]], scores=[[[3.0, 1.0]]] * 3)
        case "looks":
            return TokenMaps(np.stack([index, index[::-1], index * 0]))
        case "weights":
            return Matrix(np.stack([index, -index], axis=1), ("entry", "head"), note="of two heads")
        case "heads":
            return Matrix(np.arange(6).reshape(2, 3), ("layer", "head"))
        case "moods":
            return Scores({"calm": 0.25, "loud": 0.5, "sad": -0.125})
        case "measures" | "shares":
            return Facts({"contrast": 0.5, "edges": 12345, "sharp": True, "of": "a [b]roof[/b]\x1b", "none": None})
    raise AssertionError(name)
