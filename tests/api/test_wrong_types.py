"""What is given of another type is said so in a sentence, costs nobody a session, and numpy's numbers are numbers."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vlmtui
from vlmtui.errors import UsageError
from vlmtui.results.answers import Answer
from vlmtui.session.typed_lenses.values import Find

SCENE = Path(__file__).parents[2] / "sample_images" / "scene-town.png"


@pytest.fixture(scope="module")
def session(module_warm_session: None) -> Iterator[vlmtui.Session]:
    with vlmtui.open_session("demo", device="cpu") as session:
        yield session


@pytest.fixture(scope="module")
def picture(session: vlmtui.Session) -> vlmtui.ImageReading:
    return session.read(SCENE)


@pytest.fixture(scope="module")
def answer(picture: vlmtui.ImageReading) -> Answer:
    return picture.ask("What is it?", max_new_tokens=2)


Call = Callable[[Any, Any, Any], object]
"""(the session, the picture, its answer)"""

WRONG: list[tuple[Call, str]] = [
    (lambda s, p, a: p.find(7), "word must be str, not int"),
    (lambda s, p, a: p.find(None), "word must be str, not None"),
    (lambda s, p, a: p.find(np.zeros(2)), "word must be str, not ndarray"),
    (lambda s, p, a: p.find("\udcff"), "the request cannot be sent: a text in it is not valid Unicode: type it again"),
    (lambda s, p, a: p.look(None), "lens must be .*, not None"),
    (lambda s, p, a: p.save(""), "the name of the file is empty: .*"),
    (lambda s, p, a: p.find("sky", stage=3), "stage must be str, not int"),
    (lambda s, p, a: p.pca(object()), "stage must be str, not object"),
    (lambda s, p, a: p.evidence(3), "label must be str, not int"),
    (lambda s, p, a: p.values("sky"), "lens must be .*, not str"),
    (lambda s, p, a: p.mask("x"), "layer must be int, not str"),
    (lambda s, p, a: p.words("a", 1), "row must be int, not str"),
    (lambda s, p, a: p.words(1, 1.0), "col must be int, not float"),
    (lambda s, p, a: p.words(1, 1, "whole"), "grid must be int or None, not str"),
    (lambda s, p, a: p.words(1, 1, k="x"), "k must be int, not str"),
    (lambda s, p, a: p.words(1, 1, k=2.5), "k must be int, not float"),
    (lambda s, p, a: p.words(1, 1, k=1 << 70), "the request cannot be sent: .*"),
    (lambda s, p, a: p.words(1, 1, stage=3), "stage must be str, not int"),
    (lambda s, p, a: p.words(1, 1, ridge="x"), "ridge must be float, not str"),
    (lambda s, p, a: p.words(1, 1, all_tokens=1), "all_tokens must be bool, not int"),
    (lambda s, p, a: p.layer_words(1, 1, k=None), "k must be int, not None"),
    (lambda s, p, a: p.agreement(1, 1, k="x"), "k must be int, not str"),
    (lambda s, p, a: p.null(k="x"), "k must be int, not str"),
    (lambda s, p, a: p.null(stage=3), "stage must be str, not int"),
    (lambda s, p, a: p.norms(3), "stage must be str, not int"),
    (lambda s, p, a: p.anatomy(1, [1]), "col must be int, not list"),
    (lambda s, p, a: p.similarity((1, "a")), "col must be int, not str"),
    (lambda s, p, a: p.classify("x"), "k must be int, not str"),
    (lambda s, p, a: p.match("a cat"), "texts must be a list of str, not str"),
    (lambda s, p, a: p.match(7), "texts must be a list of str, not int"),
    (lambda s, p, a: p.match(["a", 7]), r"texts\[1\] must be str, not int"),
    (lambda s, p, a: p.ask(7), "question must be str, not int"),
    (lambda s, p, a: p.ask(max_new_tokens="x"), "max_new_tokens must be int, not str"),
    (lambda s, p, a: p.ask(temperature="x"), "temperature must be float or None, not str"),
    (lambda s, p, a: p.ask(seed=1.5), "seed must be int, not float"),
    (lambda s, p, a: p.attention("it"), "answer must be Answer, not str"),
    (lambda s, p, a: p.attention(a, layer="x"), "layer must be int or None, not str"),
    (lambda s, p, a: p.gradient(a, "x"), "token must be int or None, not str"),
    (lambda s, p, a: p.occlude(a, "x"), "block must be int, not str"),
    (lambda s, p, a: p.ablate(a, 7), r"patches must be a list of \(row, col\), .*, not 7"),
    (lambda s, p, a: p.ablate(a, ["ab"]), "row must be int, not str"),
    (lambda s, p, a: p.to_table(k="x"), "k must be int, not str"),
    (lambda s, p, a: p.to_html(stages="llm.1"), "stages must be a list of str, not str"),
    (lambda s, p, a: p.to_html(metric=[1]), "metric must be str, not list"),
    (lambda s, p, a: p.save("it.json", stage=3), "stage must be str or None, not int"),
    (lambda s, p, a: s.read(SCENE, prompt=7), "prompt must be str or None, not int"),
    (lambda s, p, a: s.read(SCENE, max_pixels="x"), "max_pixels must be int, not str"),
    (lambda s, p, a: s.near(5), "word must be str, not int"),
    (lambda s, p, a: s.near("sky", k="x"), "k must be int, not str"),
    (lambda s, p, a: s.vocabulary("x"), "k must be int, not str"),
    (lambda s, p, a: s.outliers(p), "pictures must be a list of ImageReading, not ImageReading"),
    (lambda s, p, a: s.outliers(["a.png"]), r"pictures\[0\] must be ImageReading, not str"),
]


def test_a_wrong_type_is_a_sentence_and_costs_nothing(
    session: vlmtui.Session, picture: vlmtui.ImageReading, answer: Answer
) -> None:
    before = picture.words(3, 5)
    for call, said in WRONG:
        with pytest.raises(UsageError, match=f"^{said}$"):
            call(session, picture, answer)
    # the same session, which has kept the reading and its answer
    assert picture.words(3, 5) == before
    assert picture.gradient(answer).numbers.shape == (196,)


def public_arguments(of: type) -> list[tuple[str, str]]:
    """(method, argument) of every public method of a class."""
    return [
        (name, argument.name)
        for name, method in inspect.getmembers(of, inspect.isfunction)
        for argument in list(inspect.signature(method).parameters.values())[1:]
        if not name.startswith("_") and argument.kind is not inspect.Parameter.VAR_KEYWORD
    ]


RIGHT: dict[str, Any] = {
    "image": SCENE,
    "row": 1,
    "col": 1,
    "word": "sky",
    "label": "sky",
    "lens": "pca",
    "patches": [(1, 1)],
    "texts": ["a cat"],
    "path": "it.json",
}
"""Arguments that have no default."""


def test_every_argument_of_another_type_is_named_by_a_type_error(
    session: vlmtui.Session, picture: vlmtui.ImageReading, answer: Answer
) -> None:
    values = Find("sky")
    unnamed = []
    for of in (session, picture):
        for name, argument in public_arguments(type(of)):
            method = getattr(of, name)
            needed = {
                one.name: RIGHT.get(one.name, {"answer": answer, "pictures": [picture]}.get(one.name))
                for one in inspect.signature(method).parameters.values()
                if one.default is one.empty and one.kind is not one.VAR_KEYWORD and one.kind is not one.VAR_POSITIONAL
            }
            if name == "values":
                needed["lens"] = values
            try:
                if inspect.signature(method).parameters[argument].kind is inspect.Parameter.VAR_POSITIONAL:
                    method(object())
                else:
                    method(**{**needed, argument: object()})
                unnamed.append(f"{name}({argument}=…) is taken")
            except TypeError as error:
                if not (isinstance(error, UsageError) and re.search(rf"\b{argument}\b.* not ", str(error))):
                    unnamed.append(f"{name}({argument}=…): {error}")
            except UsageError as error:
                unnamed.append(f"{name}({argument}=…) is no TypeError: {error}")
    assert "\n".join(unnamed) == ""


@pytest.mark.parametrize("name", list(inspect.signature(vlmtui.open_session).parameters))
def test_an_argument_of_another_type_opens_no_session(name: str) -> None:
    given: Any = {"warm": False, name: object()}
    with pytest.raises(TypeError, match=f"^{name} must be .*, not object$"):
        vlmtui.open_session(**given)


def test_numpy_s_numbers_are_numbers(
    session: vlmtui.Session, picture: vlmtui.ImageReading, answer: Answer, tmp_path: Path
) -> None:
    one: Any = np.int64(1)
    two: Any = np.uint8(2)
    assert picture.words(two, one, k=two, ridge=np.float32(0.5)) == picture.words(2, 1, k=2, ridge=0.5)
    assert len(picture.words(0, 0, k=one, all_tokens=np.bool_(True))) == 1  # type: ignore[arg-type]
    assert picture.layer_words(two, one, k=two).ids.shape == (3, 2)
    assert picture.agreement(two, one, k=two) is not None
    assert picture.null(k=two).k == 2
    assert picture.anatomy(two, one)[0].patch == picture.anatomy(2, 1)[0].patch
    where = np.argwhere(picture.find("sky") > -2)
    assert np.array_equal(picture.similarity(*map(tuple, where[:3])), picture.similarity((0, 0), (0, 1), (0, 2)))
    assert picture.mask(one).pattern == "causal"
    assert picture.attention(answer, layer=one, head=np.int32(0)).weights.shape == (len(answer.tokens), 196)
    assert picture.gradient(answer, np.int8(0)).numbers.shape == (196,)
    assert picture.ablate(answer, where[:2]).tokens == (0, 1)  # type: ignore[arg-type]
    assert picture.occlude(answer, np.int16(7)).drops.shape == (196, len(answer.tokens))
    assert session.vocabulary(two).smallest.shape == (2,)
    assert session.near("sky", k=two).ids.shape == (2,)
    assert session.read(SCENE, max_pixels=np.int64(1 << 30)).data.image == picture.data.image
    for name, k in (("numpy.json", two), ("python.json", 2)):
        picture.save(tmp_path / name, k=k, ridge=np.float64(0.5))
    assert (tmp_path / "numpy.json").read_bytes() == (tmp_path / "python.json").read_bytes()
    assert len(picture.ask("What is it?", max_new_tokens=one, temperature=np.float32(0.5), seed=two).tokens) == 1
