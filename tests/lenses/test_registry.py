"""The built-in lenses, the decorator, options, and the kinds of result."""

from __future__ import annotations

import math
import subprocess
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given as drawn
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import vlmtui.lenses
from vlmtui.errors import UsageError
from vlmtui.lenses import Context, Facts, Lens, Scalars, lens
from vlmtui.lenses.base import COSTS, NAME, SUBJECTS
from vlmtui.lenses.kinds import (
    AXES,
    KINDS,
    Colours,
    LayerWords,
    Matrix,
    ResultKind,
    Scores,
    TokenMaps,
    Words,
    details_of,
    pack_details,
    unpack_details,
)
from vlmtui.lenses.registry import FOLDERS, built_in_lenses, find_lens, lenses_defined_in, listed_lenses
from vlmtui.lenses.validation import checked_options, validated
from vlmtui.session import protocol as m
from vlmtui.session import wire

ROOT = Path(vlmtui.lenses.__file__).parent

# --- those that are built in


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_defines_a_lens(folder: str) -> None:
    found = list(lenses_defined_in(import_module(f"vlmtui.lenses.{folder}")))
    assert found
    for one in found:
        assert NAME.fullmatch(one.name)
        assert one.subject in SUBJECTS
        assert one.cost in COSTS
        assert one.kind in KINDS.values()
        # one sentence, or a part of one, that fits into a line of help
        assert one.line.endswith(".")
        assert len(one.line) <= 120
        told = one.described
        assert (told.name, told.kind, told.line, told.origin) == (one.name, one.kind.name, one.line, "vlmtui")
        assert [option.name for option in told.options] == list(one.options.__struct_fields__)
        # a lens that is offered says what to name where an option must be given
        assert not (one.offer.listed and told.missing) or one.offer.missing
        assert msgspec.convert(msgspec.to_builtins(told), type(told)) == told


def test_every_folder_with_a_lens_is_listed_once() -> None:
    there = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"kernels"}
    unfinished = {name for name in there if not list(lenses_defined_in(import_module(f"vlmtui.lenses.{name}")))}
    assert Counter(FOLDERS) == Counter(there - unfinished)
    names = [one.name for folder in FOLDERS for one in lenses_defined_in(import_module(f"vlmtui.lenses.{folder}"))]
    assert names == list(built_in_lenses())
    assert len(set(names)) == len(names)
    assert all(find_lens(name) is built_in_lenses()[name] for name in names)
    assert find_lens("nothing-of-this-name") is None
    assert set(listed_lenses()) <= set(built_in_lenses().values())


def test_a_list_of_lenses_imports_nothing_that_takes_its_time() -> None:
    code = (
        "import sys; from vlmtui.lenses.registry import built_in_lenses, listed_lenses; "
        "assert built_in_lenses() and listed_lenses(); "
        "print([name for name in ('torch', 'transformers', 'numpy') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_lens_that_is_only_imported_is_not_defined_here() -> None:
    assert Lens not in map(type, lenses_defined_in(sys.modules["vlmtui.lenses"]))
    assert [one.name for one in lenses_defined_in(sys.modules[__name__])] == ["everything"]


# --- the decorator


@lens(stages=("vision", "llm.3"), cost="slow")
def everything(
    context: Context,
    flag: bool,
    count: Annotated[int, msgspec.Meta(ge=1, le=8, description="how many")],
    power: Annotated[float, msgspec.Meta(gt=0)] = 2.0,
    word: str = "sky",
    side: Literal["left", "right"] = "left",
    many: list[int] = [3],  # noqa: B006
    texts: list[str] = [],  # noqa: B006
    near: float | None = None,
) -> Scalars:
    """All that an option may be.

    More of it.
    """
    return Scalars([power] * count)


NEEDED: dict[str, Any] = {"flag": True, "count": 2}


def test_what_a_lens_is() -> None:
    assert (everything.name, everything.line, everything.kind) == ("everything", "All that an option may be.", Scalars)
    assert (everything.subject, everything.stages, everything.cost) == ("stage", ("vision", "llm.3"), "slow")
    assert everything.stamp is not None  # by which a change of its file is known

    @lens
    def two_words(context: Context) -> Facts:
        return Facts({"one": 1})

    assert (two_words.name, two_words.line, two_words.options.__struct_fields__) == ("two-words", "", ())
    assert two_words(None).rows == (("one", 1),)  # it is tested by calling it


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": "Sharpness"}, "'Sharpness' is not a valid lens name: use letters, digits and hyphens"),
        ({"name": "a b"}, "'a b' is not a valid lens name"),
        ({"name": "a_b"}, "'a_b' is not a valid lens name"),
        ({"name": "1a"}, "'1a' is not a valid lens name"),
        ({"name": "é"}, "'é' is not a valid lens name"),
        ({"name": "a\n"}, "is not a valid lens name"),
        ({"subject": "picture"}, "names 'picture': choose one of stage, answer, image, vocabulary"),
        ({"cost": "free"}, "names 'free': choose one of quick, slow, idle"),
        ({"stages": "visoin"}, "names the stage 'visoin': choose vision, tokens, llm, or one such as vision.3"),
        ({"stages": ("tokens", "llm.")}, "names the stage 'llm.'"),
    ],
)
def test_what_a_lens_cannot_be(wrong: Any, said: str) -> None:
    def one(context: Context) -> Scalars:
        return Scalars([])

    with pytest.raises(UsageError) as raised:
        lens(**wrong)(one)
    assert said in str(raised.value)


@drawn(st.text())
def test_a_name_is_one_that_can_be_typed(name: str) -> None:
    def one(context: Context) -> Scalars:
        return Scalars([])

    if name and not (set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789-")) and name[0].isalpha():
        assert lens(name=name)(one).name == name
    elif name:  # without one it is the function's
        with pytest.raises(UsageError, match="is not a valid lens name"):
            lens(name=name)(one)


def without_context() -> Scalars:
    return Scalars([])


def without_kind(context: Context) -> int:
    return 0


def without_type(context: Context, power) -> Scalars:  # type: ignore[no-untyped-def]
    return Scalars([])


def without_name(context: Context, *powers: float) -> Scalars:
    return Scalars([])


def of_a_dictionary(context: Context, powers: dict[str, float]) -> Scalars:
    return Scalars([])


def of_either(context: Context, power: int | str) -> Scalars:
    return Scalars([])


def of_what_is_not_there(context: Context, power: Nothing) -> Scalars:  # type: ignore[name-defined]  # noqa: F821
    return Scalars([])


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (without_context, "takes no parameters: its first parameter is the context"),
        (without_kind, "does not say what it returns: annotate it with one of Scalars, Colours"),
        (without_type, "the option power of the lens without-type has no type"),
        (
            without_name,
            "the parameter powers of the lens without-name cannot be given by name: make it",
        ),
        (of_a_dictionary, "the option powers of the lens of-a-dictionary is of type dict"),
        (of_either, "the option power of the lens of-either is of type int | str"),
        (of_what_is_not_there, "the annotations of the lens of-what-is-not-there cannot be read"),
    ],
)
def test_what_is_no_lens_says_why(function: Any, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        lens(function).described  # noqa: B018
    assert said in str(raised.value)


# --- options


def test_options_as_they_are_told() -> None:
    told = {option.name: option for option in everything.described.options}
    takes = {name: (option.takes, option.of) for name, option in told.items()}
    assert takes == {
        "flag": ("bool", None),
        "count": ("int", None),
        "power": ("float", None),
        "word": ("text", None),
        "side": ("choice", None),
        "many": ("list", "int"),
        "texts": ("list", "text"),
        "near": ("float", None),
    }
    assert everything.described.missing == ("flag", "count")
    assert (told["count"].range, told["count"].help) == ("from 1, up to 8", "how many")
    assert (told["power"].range, told["power"].default) == ("above 0", 2.0)
    assert told["side"].choices == ("left", "right")
    assert told["many"].default == [3]


def test_what_is_not_given_is_as_it_is_written() -> None:
    found = checked_options(everything, NEEDED)
    assert found == NEEDED | {
        "power": 2.0,
        "word": "sky",
        "side": "left",
        "many": [3],
        "texts": [],
        "near": None,
    }
    found["many"].append(4)  # a lens may do with its list what it likes
    assert checked_options(everything, NEEDED)["many"] == [3]
    assert everything(None, **checked_options(everything, NEEDED)).values.tolist() == [2.0, 2.0]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"flag": "false", "count": "3"}, {"flag": False, "count": 3}),
        ({"flag": "1"}, {"flag": True}),
        ({"power": "1.5"}, {"power": 1.5}),
        ({"power": 3}, {"power": 3.0}),
        ({"word": "7"}, {"word": "7"}),
        ({"many": "5"}, {"many": [5]}),
        ({"many": ["5", "6"]}, {"many": [5, 6]}),
        ({"many": (5, 6)}, {"many": [5, 6]}),
        ({"texts": "a, b"}, {"texts": ["a, b"]}),
        ({"texts": ["1", "true"]}, {"texts": ["1", "true"]}),
        ({"near": "0.5"}, {"near": 0.5}),
        ({"near": None}, {"near": None}),
        ({"count": np.int64(4), "flag": np.bool_(True), "power": np.float32(0.5)}, {"count": 4, "power": 0.5}),
    ],
)
def test_words_of_a_command_line_and_numbers_of_numpy(options: dict[str, Any], wanted: dict[str, Any]) -> None:
    found = checked_options(everything, NEEDED | options)
    assert {name: found[name] for name in wanted} == wanted
    assert all(type(found[name]) is type(value) for name, value in wanted.items())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"flag": True},
            "the lens everything needs its option count: give count=…, on the command line --lens-option count=…",
        ),
        (NEEDED | {"colour": 1}, "the lens everything has no option 'colour': it has flag, count, power"),
        (NEEDED | {"flag": "yes"}, "flag must be bool, not str"),
        (NEEDED | {"count": 1.5}, "count must be int, not float"),
        (NEEDED | {"count": "many"}, "count must be int, not str"),
        (NEEDED | {"count": True}, "count must be int, not bool"),
        (NEEDED | {"count": 9}, "count must be at most 8, not 9"),
        (NEEDED | {"count": "0"}, "count must be at least 1, not 0"),
        (NEEDED | {"power": 0}, "power must be above 0, not 0"),
        (NEEDED | {"power": "-1e3"}, "power must be above 0"),
        (NEEDED | {"power": None}, "power must be float, not None"),
        (NEEDED | {"word": 7}, "word must be str, not int"),
        (NEEDED | {"word": object()}, "word must be str, not object"),
        (NEEDED | {"side": "top"}, "side must be 'left' or 'right', not 'top'"),
        (NEEDED | {"many": [1, "b"]}, "many[1] must be int, not str"),
        (NEEDED | {"near": []}, "near must be float or None, not list"),
    ],
)
def test_an_option_that_is_wrong_is_a_sentence(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        checked_options(everything, options)
    assert said in str(raised.value)


def test_a_lens_without_options_says_so() -> None:
    @lens
    def bare(context: Context) -> Scalars:
        return Scalars([])

    with pytest.raises(UsageError, match="the lens bare has no option 'power': it has none"):
        checked_options(bare, {"power": 3})


@drawn(st.integers(1, 8), st.floats(min_value=0, exclude_min=True, allow_infinity=False), st.lists(st.integers()))
def test_what_is_typed_is_what_is_meant(count: int, power: float, many: list[int]) -> None:
    many = [number for number in many if -(2**63) <= number < 2**63]
    typed = checked_options(
        everything, {"flag": "true", "count": str(count), "power": repr(power), "many": list(map(str, many))}
    )
    assert typed == checked_options(everything, {"flag": True, "count": count, "power": power, "many": many})


# --- kinds of result


def sent(result: Any) -> Any:
    """The result as it arrives at the other end of the wire."""
    done = m.Computed(validated(result))
    reply = m.decode_reply(wire.frame(m.Reply(1, done))[4:]).body
    assert isinstance(reply, m.Computed)
    return reply.result


def same(one: Any, other: Any) -> bool:
    """Whether two results are the same, not-a-number being itself."""
    assert type(one) is type(other)
    for name in one.__struct_fields__:
        here, there = getattr(one, name), getattr(other, name)
        if isinstance(here, np.ndarray):
            if here.dtype != there.dtype or not np.array_equal(here, there, equal_nan=True):
                return False
        elif here != there:
            return False
    return True


SHAPES: dict[str, tuple[tuple[int, ...], Any]] = {
    "Scalars": ((6,), Scalars),
    "Colours": ((2, 3), Colours),
    "TokenMaps": ((2, 3), TokenMaps),
    "Matrix": ((1, 2, 3), lambda values, **more: Matrix(values, ("layer", "head", "entry"), **more)),
    "Scores": ((6,), lambda values, **more: Scores(list("abcdef"), values, **more)),
    "Words": ((2, 3), lambda values, **more: Words(np.arange(6).reshape(2, 3), values, **more)),
    "LayerWords": ((1, 2, 3), lambda values, **more: LayerWords(np.arange(6).reshape(1, 2, 3), values, **more)),
}


def numbers_of(result: Any) -> Any:
    return result.scores if isinstance(result, Words | LayerWords) else result.values


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize(
    "make",
    [
        lambda values: values.tolist(),
        lambda values: values,
        lambda values: values.astype(np.float16),
        lambda values: torch.tensor(values, dtype=torch.float64, requires_grad=True),
        lambda values: torch.tensor(values, dtype=torch.bfloat16, requires_grad=True),
        lambda values: torch.tensor(values, dtype=torch.int32),
        lambda values: torch.tensor(np.repeat(values, 2, axis=-1))[..., ::2],
    ],
    ids=["list", "float64", "float16", "torch float64 with a gradient", "torch bfloat16", "torch int32", "strided"],
)
def test_a_kind_takes_numbers_of_any_type(kind: str, make: Any) -> None:
    shape, construct = SHAPES[kind]
    values = np.arange(6.0).reshape(shape)
    found = construct(make(values), note="as it is", own=pack_details({"more": 1}))
    assert type(found) is KINDS[kind]
    numbers = numbers_of(found)
    assert numbers.dtype == (np.float64 if isinstance(found, Words | LayerWords) else np.float32)
    assert numbers.tolist() == values.tolist()
    arrived = sent(found)
    assert same(arrived, found)
    assert (arrived.note, details_of(arrived)) == ("as it is", {"more": 1})


@pytest.mark.parametrize("kind", SHAPES)
def test_what_is_no_number_travels_too(kind: str) -> None:
    shape, construct = SHAPES[kind]
    values = np.array([math.nan, math.inf, -math.inf, 0.0, -0.0, 1e-30]).reshape(shape)
    found = construct(values)
    np.testing.assert_array_equal(numbers_of(found), values.astype(numbers_of(found).dtype))
    assert same(sent(found), found)


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize(
    "values", [3.0, np.zeros((2, 2, 2, 2)), torch.zeros(()), [[1.0], [1.0, 2.0]], "abc", [1j] * 6, [None, {}]]
)
def test_another_shape_or_no_numbers_at_all_are_said_so(kind: str, values: Any) -> None:
    with pytest.raises(ValueError, match=kind if kind not in ("Words", "LayerWords") else "scores"):
        SHAPES[kind][1](values)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Scalars(np.zeros((2, 1))), r"Scalars takes one number per entry, \[entries\], not .* \(2, 1\)"),
        (lambda: Colours(np.zeros((2, 4))), r"red, green and blue for every entry, \[entries, 3\], not \(2, 4\)"),
        (lambda: Matrix(np.zeros((2, 2)), ("layer",)), r"a dimension for each of \('layer',\)"),
        (lambda: Matrix(np.zeros(2), ("width",)), "names an axis for every dimension, from layer, head"),
        (lambda: Matrix(np.zeros(2), 7), "names an axis for every dimension"),  # type: ignore[arg-type]
        (lambda: Matrix(np.zeros(()), ()), "names an axis for every dimension"),
        (lambda: Scores(["a", "b"], [1.0]), "a number for each of 2 labels, not 1"),
        (lambda: Scores(["a"]), "a number for each of 1 labels, not 0"),
        (lambda: Scores("ab", [1.0, 2.0]), "labels and their values, not str"),
        (lambda: Scores(7), "labels and their values, not int"),
        (lambda: Words(), r"Words takes ids or texts, \[entries, k\]"),
        (lambda: LayerWords(), r"LayerWords takes ids or texts, \[layers, entries, k\]"),
        (lambda: Words([1, 2]), r"ids or texts \[entries, k\], not of shape \(2,\)"),
        (lambda: Words([[1.5]]), "ids that are whole numbers"),
        (lambda: Words([[math.nan]]), "ids that are whole numbers"),
        (lambda: Words([["a"]]), "ids that are whole numbers"),
        (lambda: Words([[1]], [[1.0, 2.0]]), r"scores are one for each word, \(1, 1\), not \(1, 2\)"),
        (lambda: Words([[1]], detail=[[1.0], [2.0]]), r"detail are one for each word, \(1, 1\), not \(2, 1\)"),
        (lambda: Words([[1]], detail="a"), "detail are numbers, one for each word"),
        (lambda: Words(texts=[["a"], ["b", "c"]]), r"Words takes ids"),
        (lambda: Words(texts=[[7]]), r"Words takes texts \[entries, k\]"),  # type: ignore[list-item]
        (lambda: Words(texts=7), r"Words takes texts \[entries, k\]"),  # type: ignore[arg-type]
        (lambda: LayerWords(texts=[["a"]]), r"ids or texts \[layers, entries, k\]"),
        (lambda: Facts(7), "labels and their values, texts or numbers"),
        (lambda: Facts(["ab", "c"]), "labels and their values, texts or numbers"),
        (lambda: Facts({"a": [1]}), r"labels and their values, texts or numbers \(list is neither\)"),
        (lambda: Facts({"a": np.zeros(2)}), "labels and their values, texts or numbers"),
    ],
)
def test_what_a_kind_does_not_take(make: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()


def test_facts_are_plain() -> None:
    given_: dict[str, Any] = {
        "text": "red",
        "count": np.int8(3),
        "share": np.float64(0.5),
        "there": np.bool_(True),
        "norm": torch.tensor(2.0, requires_grad=True),
        "none": None,
    }
    found = Facts(given_)
    assert found.rows == (("text", "red"), ("count", 3), ("share", 0.5), ("there", True), ("norm", 2.0), ("none", None))
    assert [type(value) for _, value in found.rows] == [str, int, float, bool, float, type(None)]
    assert same(sent(found), found)
    assert same(Facts(list(given_.items())), found)


def test_scores_by_label() -> None:
    found = Scores({"cat": 0.75, "dog": torch.tensor(0.25)})
    assert (found.labels, found.values.tolist()) == (("cat", "dog"), [0.75, 0.25])
    assert same(sent(found), found)


def test_words_as_texts_are_numbered_and_named() -> None:
    found = Words(texts=[["a", "b"], ["b", "c"]], scores=[[2, 1], [4, 3]])
    assert found.ids.tolist() == [[0, 1], [1, 2]]
    assert [[found.strings[id_] for id_ in row] for row in found.ids.tolist()] == [["a", "b"], ["b", "c"]]
    assert not found.rows
    assert same(sent(found), found)
    without = Words([[1, 2]])
    assert without.rows
    assert np.isnan(without.scores).all()
    deep = LayerWords(texts=[[["a"]], [["b"]]])
    assert deep.ids.shape == (2, 1, 1)
    assert same(sent(deep), deep)


def test_a_matrix_has_the_axes_that_can_be_named() -> None:
    for axis in AXES:
        assert Matrix([1.0], axis).axes == (axis,)  # one needs no tuple


def test_what_a_lens_says_besides_comes_back_as_its_own_type() -> None:
    class Own(msgspec.Struct):
        name: str
        numbers: np.ndarray[Any, np.dtype[np.float32]]
        named: dict[int, str | None]

    result = sent(Scalars([1.0], own=pack_details(Own("a", np.arange(3, dtype=np.float32), {-1: None, 70_000: "x"}))))
    found = unpack_details(result, Own)
    assert (found.name, found.numbers.tolist(), found.named) == ("a", [0, 1, 2], {-1: None, 70_000: "x"})
    assert details_of(Scalars([])) == {}


DTYPES = st.sampled_from([np.float16, np.float32, np.float64, np.int8, np.uint16, np.int64, np.bool_])


@drawn(st.data())
def test_every_array_of_the_right_shape_makes_the_journey(data: st.DataObject) -> None:
    """Whatever its type, its size, its order in memory."""
    values = data.draw(arrays.arrays(data.draw(DTYPES), st.tuples(st.integers(0, 4), st.just(3))))
    if data.draw(st.booleans()):
        values = np.asfortranarray(values)
    with np.errstate(over="ignore"):
        results: list[ResultKind] = [Colours(values), TokenMaps(values), Matrix(values, ("entry", "component"))]
        results += [Scalars(values.ravel()), Words(np.zeros(values.shape, np.int64), values)]
    for result in results:
        assert same(sent(result), result)
        # what has arrived makes the same again
        assert same(msgspec.structs.replace(sent(result), seconds=0.0), result)
