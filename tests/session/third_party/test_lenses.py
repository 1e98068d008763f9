"""Lenses that are not built in, through the session's engine: loaded from their text; one sentence for a failure."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.session.lens_files import HEAD, SHARPNESS, written
from tests.session.local_engine import Desk, quiet
from tests.session.test_client import png
from tests.session.test_engine import request
from vlmtui.errors import OutOfMemoryError, ReadingGoneError, UsageError, VlmtuiError
from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.kinds import Colours, Facts, LayerWords, Matrix, Scalars, Scores, TokenMaps, Words
from vlmtui.lenses.lens_source import LensSource, lens_call, read_lens_source
from vlmtui.session import protocol as m
from vlmtui.session import typed_lenses, wire
from vlmtui.session.third_party import lenses as foreign_lenses

ENTRIES = 25


@pytest.fixture(scope="module")
def desk(clip_folder: Path) -> Desk:
    desk = Desk()
    desk.load(m.Load(str(clip_folder), device="cpu"), quiet)
    return desk


@pytest.fixture(scope="module")
def reading(desk: Desk) -> str:
    return desk.read(request(png()), quiet).reading.id


def look(desk: Desk, reading: str, source: LensSource, stage: str = "tokens", entries=None, **options) -> LensResult:
    return desk.typed(typed_lenses.look(reading, stage, lens_call(source, **options), entries))


def described(desk: Desk, source: LensSource | None, **options) -> m.Described:
    return desk.ask(m.Describe(source, options if source else None))


def test_the_contracts_example(desk: Desk, reading: str, tmp_path: Path) -> None:
    source = written(tmp_path, "sharpness.py", SHARPNESS)
    states = desk.typed(typed_lenses.vectors(reading, "tokens"))
    found = look(desk, reading, source, power="3").result
    assert isinstance(found, Scalars)
    np.testing.assert_allclose(found.values, (np.abs(states) ** 3).mean(-1), rtol=1e-5)
    assert found.seconds > 0
    some = look(desk, reading, source, entries=(4, 2)).result
    np.testing.assert_allclose(some.values, (states[[4, 2]] ** 2).mean(-1), rtol=1e-5)
    told = described(desk, source, power="3")
    (one,) = told.lenses
    assert (one.name, one.kind, one.subject, one.origin) == ("sharpness", "Scalars", "stage", source.path)
    assert one.line == "How peaked a patch's vector is."
    assert told.options == {"power": 3.0}
    assert described(desk, source).options == {"power": 2.0}
    assert desk.ask(m.Describe(source)).options == {}


KINDS = {
    Scalars: "Scalars([float('nan')] * 25, note='of nothing')",
    Colours: "Colours(context.states()[:, :3].abs().clamp(max=1.0001))",
    Words: "Words(context.states().argsort(dim=-1)[:, :2] % 50, context.states()[:, :2])",
    LayerWords: "LayerWords(texts=[[['a', 'b']] * 25] * 3)",
    TokenMaps: "TokenMaps(context.states().T[:4])",
    Matrix: "Matrix(context.states(), axes=('entry', 'component'))",
    Scores: "Scores({'cat': 0.9, 'dog': 0.1})",
    Facts: "Facts({'contrast': 0.3, 'colour': 'red', 'none': None})",
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind(kind: type, desk: Desk, reading: str, tmp_path: Path) -> None:
    text = f"@lens\ndef one(context: Context) -> {kind.name}:\n    return {KINDS[kind]}\n"
    found = look(desk, reading, written(tmp_path, "one.py", text)).result
    assert type(found) is kind
    # over the line and back it is the same
    again = m.decode_reply(wire.frame(m.Reply(1, m.Computed(found)))[4:]).body
    assert type(again.result) is kind
    if kind is Words:
        assert set(found.pieces) == set(found.ids.ravel().tolist())
    if kind is Colours:
        assert found.values.max() <= 1


def test_a_changed_file_is_loaded_anew_and_what_it_kept_is_its_own(desk: Desk, reading: str, tmp_path: Path) -> None:
    text = """
    TIMES = []

    @lens
    def counted(context: Context) -> Facts:
        kept = context.keep("x", lambda: [])
        kept.append(1)
        TIMES.append(1)
        return Facts({"kept": len(kept), "times": len(TIMES)})
    """
    first = written(tmp_path, "counted.py", text)
    assert look(desk, reading, first).result.rows == (("kept", 1), ("times", 1))
    assert look(desk, reading, first).result.rows == (("kept", 2), ("times", 2))
    other = written(tmp_path, "counted.py", text + "# changed\n")
    assert look(desk, reading, other).result.rows == (("kept", 1), ("times", 1))
    assert look(desk, reading, first).result.rows == (("kept", 3), ("times", 3))


def test_few_are_kept(desk: Desk, reading: str, tmp_path: Path) -> None:
    before, others = len(sys.meta_path), set(sys.modules)
    for number in range(foreign_lenses.KEPT + 4):
        look(desk, reading, written(tmp_path, f"many{number}.py", f"{SHARPNESS}# {number}\n"))
    assert len([name for name in sys.modules.keys() - others if name.startswith("vlmtui_lens_")]) <= foreign_lenses.KEPT
    assert len(sys.meta_path) <= before + foreign_lenses.KEPT
    desk._lenses._modules.__init__()


def test_states_are_the_lenss_own(desk: Desk, reading: str, tmp_path: Path) -> None:
    before = desk.typed(typed_lenses.vectors(reading, "tokens")).copy()
    text = "@lens\ndef spoils(context: Context) -> Scalars:\n    return Scalars(context.states().zero_().sum(-1))\n"
    assert not look(desk, reading, written(tmp_path, "spoils.py", text)).result.values.any()
    np.testing.assert_array_equal(desk.typed(typed_lenses.vectors(reading, "tokens")), before)


def test_a_folder_is_a_package(desk: Desk, reading: str, tmp_path: Path) -> None:
    folder = tmp_path / "several"
    written(folder, "deep/way.py", "def mean(states):\n    return states.mean(-1) / 0\n", head="")
    written(folder, "inner.py", "from .deep.way import mean\nfrom . import names\n", head="")
    written(folder, "names.py", "NAME = 'several'\n", head="")
    source = written(
        folder,
        "__init__.py",
        '''
        from pathlib import Path

        @lens
        def several(context: Context, far: bool = False) -> Scalars:
            """Several files."""
            from .inner import mean, names
            assert Path(__file__).parent.name == names.NAME
            return Scalars(mean(context.states()) if far else [1.0] * len(context.entries))
        ''',
    )
    source = read_lens_source(f"{folder}/")
    assert source.shown == "several"
    assert look(desk, reading, source).result.values.tolist() == [1.0] * ENTRIES
    assert np.isinf(look(desk, reading, source, far=True).result.values).any()
    # the files that were sent are meant, whatever the disk has now
    (folder / "inner.py").write_text("raise ValueError\n")
    assert look(desk, reading, source).result.values.tolist() == [1.0] * ENTRIES
    with pytest.raises(VlmtuiError, match=r"^several/inner\.py:1: the lens raised ValueError$"):
        look(desk, reading, read_lens_source(f"{folder}/"))


@pytest.mark.parametrize("name", ["pca", "similarity", "class_evidence"])
def test_a_built_in_lens_copied_elsewhere_is_the_same(name: str, desk: Desk, reading: str, tmp_path: Path) -> None:
    import shutil

    package = importlib.import_module(f"vlmtui.lenses.{name}")
    copied = tmp_path / f"my_{name}"
    shutil.copytree(Path(package.__file__).parent, copied, ignore=shutil.ignore_patterns("__pycache__"))
    options = {"to": [1, 2]} if name == "similarity" else {"label": "0"} if name == "class_evidence" else {}
    if name == "class_evidence":
        desk = Desk()
        desk.load(m.Load("demo-vit", device="cpu"), quiet)
        reading = desk.read(request(png()), quiet).reading.id
    last = f"vision.{desk.state.model.info.vision_layers}"
    own = next(iter(foreign_lenses._defined(package)))
    expected = desk.typed(typed_lenses.look(reading, last, lens_call(own.name, **options))).result
    found = look(desk, reading, read_lens_source(f"{copied}/"), last, **options).result
    np.testing.assert_array_equal(found.values, expected.values)
    assert found.note == expected.note


@pytest.mark.parametrize("metric", ["l2", "cosine", "omp"])
def test_the_words_of_a_built_in_lens_copied_elsewhere_are_the_same(metric: str, tmp_path: Path) -> None:
    import shutil

    desk = Desk()
    desk.load(m.Load("demo", device="cpu"), quiet)
    reading = desk.read(request(png()), quiet).reading.id
    package = importlib.import_module("vlmtui.lenses.nearest_tokens")
    copied = tmp_path / "my_words"
    shutil.copytree(Path(package.__file__).parent, copied, ignore=shutil.ignore_patterns("__pycache__"))
    entries = [0, 7, 100]
    found = look(desk, reading, read_lens_source(f"{copied}/"), "tokens", entries=entries, metric=metric).result
    expected = desk.typed(typed_lenses.words(reading, metric, found.ids.shape[1], tuple(entries)))
    assert found.ids.shape == (3, 8)
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.scores, expected.scores)


FAILURES = {
    "raises": (
        "@lens\ndef bad(context: Context) -> Scalars:\n    return Scalars(1 / 0)",
        "bad.py:5: the lens raised ZeroDivisionError: division by zero",
    ),
    "raises without a word": (
        "@lens\ndef bad(context: Context) -> Scalars:\n    assert False",
        "bad.py:5: the lens raised AssertionError",
    ),
    "raises in torch": (
        "@lens\ndef bad(context: Context) -> Scalars:\n    return Scalars(context.states() @ context.states())",
        r"bad.py:5: the lens raised RuntimeError: mat1 and mat2 .*",
    ),
    "raises a BaseException": (
        "@lens\ndef bad(context: Context) -> Scalars:\n    raise KeyboardInterrupt",
        "bad.py:5: the lens raised KeyboardInterrupt",
    ),
    "raises Cancelled": (
        "from vlmtui.lenses import Cancelled\n@lens\ndef bad(context: Context) -> Scalars:\n    raise Cancelled('no')",
        "bad.py:6: the lens raised Cancelled: no",
    ),
    "raises what cannot be said": (
        "class Odd(Exception):\n    def __str__(self): return 1 / 0\n"
        "@lens\ndef bad(context: Context) -> Scalars:\n    raise Odd",
        "bad.py:7: the lens raised Odd: the reason could not be printed",
    ),
    "exits": (
        "import sys\n@lens\ndef bad(context: Context) -> Scalars:\n    sys.exit(3)",
        r"bad.py:6: the lens called sys.exit\(3\)",
    ),
    "exits at import": ("raise SystemExit", r"bad.py:3: the lens called sys.exit\(\)"),
    "reads the keyboard": (
        "@lens\ndef bad(context: Context) -> Scalars:\n    open('/nothing')",
        r"bad.py:5: the lens raised FileNotFoundError: .*",
    ),
    "wrong shape": (
        "@lens\ndef bad(context: Context) -> Scalars:\n    return Scalars(context.states())",
        r"bad.py:5: Scalars takes one number per entry, \[entries\], not an array of shape \(25, .*",
    ),
    "wrong length": (
        "@lens\ndef bad(context: Context) -> Scalars:\n    return Scalars([1.0, 2.0])",
        "bad.py:3: the lens bad returned Scalars of 2 entries, but there are 25",
    ),
    "wrong layers": (
        "@lens\ndef bad(context: Context) -> LayerWords:\n    return LayerWords(texts=[[['a']]])",
        "bad.py:3: the lens bad returned LayerWords of 1 entries, but there are 25",
    ),
    "a colour too bright": (
        "@lens\ndef bad(context: Context) -> Colours:\n    return Colours([[0, 1, 1.7]] * 25)",
        "bad.py:3: the lens bad returned a colour component of 1.7: red, green and blue must be from 0 to 1",
    ),
    "an id that is none": (
        "@lens\ndef bad(context: Context) -> Words:\n    return Words([[10 ** 6]] * 25)",
        "bad.py:3: the lens bad returned the id 1000000, but the last row is .*",
    ),
    "a note that is no text": (
        "@lens\ndef bad(context: Context) -> Scalars:\n    return Scalars([1.0] * 25, note=7)",
        "bad.py:3: the lens bad returned Scalars whose note must be str, not int",
    ),
    "wrong kind": (
        "@lens\ndef bad(context: Context) -> Scalars:\n    return Scores({'a': 1})",
        "bad.py:3: the lens bad returned Scores, but is declared to return Scalars, one number per entry",
    ),
    "nothing": (
        "@lens\ndef bad(context: Context) -> Scalars:\n    pass",
        "bad.py:3: the lens bad returned None, but is declared to return Scalars, one number per entry",
    ),
    "a bare list": (
        "@lens\ndef bad(context: Context) -> Scalars:\n    return [1.0] * 25",
        "bad.py:3: the lens bad returned a list, but is declared to return Scalars, one number per entry",
    ),
    "no annotation": (
        "@lens\ndef bad(context: Context):\n    pass",
        "bad.py:3: the lens bad does not say what it returns: annotate it with one of Scalars, .*",
    ),
    "an option without a type": (
        "@lens\ndef bad(context: Context, power) -> Scalars:\n    pass",
        "bad.py:3: the option power of the lens bad has no type: .*",
    ),
    "no lens": ("def bad(context): pass", "bad.py defines no lens: decorate a function with @lens from vlmtui.lenses"),
    "no name": ("@lens(name='Not one')\ndef bad(context): pass", "bad.py:3: 'Not one' is not a valid lens name: .*"),
    "syntax": ("def bad(:\n    pass", "bad.py:3: the lens cannot be read: invalid syntax"),
    "tabs": ("if True:\n        x = 1\n\ty = 2", "bad.py:5: the lens cannot be read: .*"),
    "null bytes": ("x = 1\0", "bad.py: the lens cannot be read: .*null bytes"),
    "a missing import": (
        "import nothere.at_all",
        "bad.py:3: the lens needs nothere, which is not installed where the session runs: install it there",
    ),
    "a missing import when it runs": (
        "@lens\ndef bad(context: Context) -> Scalars:\n    import nothere",
        "bad.py:5: the lens needs nothere, which is not installed where the session runs: install it there",
    ),
    "a missing name": ("from json import nothere", "bad.py:3: the lens cannot be imported: cannot import name .*"),
    "a relative import": ("from . import other", "bad.py:3: the lens cannot be imported: .*name its folder.*"),
    "a wrong stage": (
        "@lens\ndef bad(context: Context) -> Scalars:\n    return Scalars(context.states('llm.99'))",
        r"bad.py:5: there is no stage 'llm.99' in .*",
    ),
}


@pytest.mark.parametrize("how", FAILURES)
def test_a_failure_is_one_sentence(how: str, desk: Desk, reading: str, tmp_path: Path) -> None:
    text, said = FAILURES[how]
    source = written(tmp_path, "bad.py", f"{text}\n")
    with pytest.raises(VlmtuiError, match=f"^{said}$") as caught:
        look(desk, reading, source)
    assert caught.value.exit_status == 1
    # the session is well
    fine = look(desk, reading, written(tmp_path, "sharpness.py", SHARPNESS))
    assert len(fine.numbers) == ENTRIES


def test_refusals_are_shown_as_they_are(desk: Desk, reading: str, tmp_path: Path) -> None:
    text = "@lens\ndef choosy(context: Context) -> Scalars:\n    raise NotHere('only on Sundays: come again')\n"
    with pytest.raises(UsageError, match=r"^only on Sundays: come again$"):
        look(desk, reading, written(tmp_path, "choosy.py", text))
    text = "@lens(stages='vision')\ndef choosy(context: Context) -> Scalars:\n    return Scalars([])\n"
    with pytest.raises(UsageError, match=r"the lens choosy applies to vision, not to tokens"):
        look(desk, reading, written(tmp_path, "choosy.py", text))
    with pytest.raises(ReadingGoneError):
        look(desk, "another", written(tmp_path, "sharpness.py", SHARPNESS))


def test_memory_that_does_not_suffice(clip_folder: Path, tmp_path: Path) -> None:
    desk = Desk()
    desk.load(m.Load(str(clip_folder), device="cpu"), quiet)
    reading = desk.read(request(png()), quiet).reading.id
    text = "import torch\n@lens\ndef huge(context: Context) -> Scalars:\n    return Scalars(torch.empty(1 << 60))\n"
    with pytest.raises(VlmtuiError, match=r"^huge.py:6: ") as caught:
        look(desk, reading, written(tmp_path, "huge.py", text))
    assert isinstance(caught.value, OutOfMemoryError)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {},
            "choosy.py:3: the lens choosy needs its option level: give level=…, on the command line "
            "--lens-option level=…",
        ),
        ({"level": 1, "other": 1}, "choosy.py:3: the lens choosy has no option 'other': it has level, way"),
        ({"level": "x"}, "choosy.py:3: level must be int, not str"),
        ({"level": 0}, "choosy.py:3: level must be at least 1, not 0"),
        ({"level": 1, "way": "up"}, "choosy.py:3: way must be 'in' or 'out', not 'up'"),
    ],
)
def test_options_are_the_persons(options: dict, said: str, desk: Desk, reading: str, tmp_path: Path) -> None:
    text = """
    @lens
    def choosy(context: Context, level: Annotated[int, msgspec.Meta(ge=1)], way: Literal["in", "out"] = "in") -> Scores:
        return Scores({"level": level})
    """
    head = f"{HEAD.splitlines()[0]}; import msgspec\nfrom typing import Annotated, Literal\n"
    source = written(tmp_path, "choosy.py", text, head)
    for ask in (look, described):
        with pytest.raises(UsageError, match=f"^{said}$"):
            ask(desk, reading, source, **options) if ask is look else described(desk, source, **options)


def test_several_in_a_file(desk: Desk, reading: str, tmp_path: Path) -> None:
    text = """
    @lens
    def first(context: Context) -> Scores:
        return Scores({"first": 1})

    @lens(name="second")
    def another(context: Context) -> Scores:
        return Scores({"second": 1})

    def third(context: Context) -> Scores:
        return Scores({"third": 1})
    """
    source = written(tmp_path, "many.py", text)
    with pytest.raises(UsageError) as caught:
        look(desk, reading, source)
    assert str(caught.value) == "many.py defines two lenses, first and second: name one, such as many.py:second"
    for name in ("first", "second", "third"):
        assert look(desk, reading, read_lens_source(f"{source.path}:{name}")).result.labels == (name,)
    with pytest.raises(UsageError, match=r"^many.py defines no lens 'fourth': it has first, second$"):
        look(desk, reading, read_lens_source(f"{source.path}:fourth"))


def test_a_byte_order_mark_is_no_code(desk: Desk, reading: str, tmp_path: Path) -> None:
    path = tmp_path / "marked.py"
    path.write_text("\ufeff" + HEAD + SHARPNESS)
    assert len(look(desk, reading, read_lens_source(str(path))).numbers) == ENTRIES


def offer(folder: Path, package: str, entries: str, **files: str) -> None:
    """An installed package, as `pip` leaves it."""
    info = folder / f"{package}-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[vlmtui.lenses]\n{entries}\n")
    for name, text in files.items():
        (folder / f"{name}.py").write_text(HEAD + text)


def test_packages_offer_lenses(desk: Desk, reading: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other"
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(other))
    raising = "@lens\ndef raising(context: Context) -> Scalars:\n    return Scalars(1 / 0)\n"
    offer(
        tmp_path,
        "some-lenses",
        "sharpness = some_lenses:sharpness\nraising = some_lenses\nbroken = broken_lens:it\npca = some_lenses:pca\n"
        "twice = some_lenses:twice\ngone = nothere_lens:it\nBad_Name = some_lenses:it\nnone = some_lenses:HEAD",
        some_lenses=SHARPNESS + raising + "HEAD = 1\n",
        broken_lens="def it(:\n",
    )
    offer(other, "other-lenses", "twice = other_lenses:twice", other_lenses=raising)
    found = look(desk, reading, LensSource("sharpness"), power=1).result
    np.testing.assert_allclose(
        found.values, np.abs(desk.typed(typed_lenses.vectors(reading, "tokens"))).mean(-1), rtol=1e-5
    )
    told = {one.name: one for one in described(desk, None).lenses}
    assert told["sharpness"].origin == "some-lenses 1.2"
    assert told["sharpness"].kind == "Scalars"
    assert told["sharpness"].trouble == ""
    assert told["broken"].trouble == "broken_lens.py:3: the lens cannot be read: invalid syntax"
    assert "vlmtui has a built-in lens of this name" in told["pca"].trouble
    assert "not a valid lens name" in told["Bad_Name"].trouble
    assert told["gone"].trouble.startswith("some-lenses 1.2: the lens needs nothere_lens")
    assert told["none"].trouble.startswith("some-lenses 1.2 offers a lens none at some_lenses:HEAD, but there is none")
    twice = (
        "two packages offer a lens twice, other-lenses 1.2 at other_lenses:twice and some-lenses 1.2 at "
        "some_lenses:twice: uninstall one, or name a file"
    )
    assert told["twice"].trouble == twice
    with pytest.raises(VlmtuiError, match=f"^{twice}$") as caught:
        look(desk, reading, LensSource("twice"))
    assert caught.value.exit_status == 1
    # a built-in one keeps its name
    assert look(desk, reading, LensSource("pca")).result.signed
    with pytest.raises(VlmtuiError, match=r"^some_lenses.py:10: the lens raised ZeroDivisionError"):
        look(desk, reading, LensSource("raising"))
    with pytest.raises(UsageError, match=r"there is no lens 'nosuch' here"):
        look(desk, reading, LensSource("nosuch"))


def test_what_a_lens_prints_goes_to_the_log(desk: Desk, reading: str, tmp_path: Path, capfd) -> None:
    text = """
    print("loaded")

    @lens
    def loud(context: Context) -> Scores:
        print("called")
        return Scores({"a": 1})
    """
    look(desk, reading, written(tmp_path, "loud.py", text))
    assert capfd.readouterr().out == "loaded\ncalled\n"
