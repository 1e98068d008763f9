"""`reading.look`: a lens by its name, its path, or a function that comes from a file."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import vlmtui
from tests.session.lens_files import HEAD, SHARPNESS
from vlmtui.api.progress import wait_for
from vlmtui.errors import UsageError, VlmtuiError
from vlmtui.lenses import Scalars, Scores, lens
from vlmtui.lenses.lens_source import lens_call, read_lens_source
from vlmtui.lenses.position_embedding import position

SCENE = Path(__file__).parents[2] / "sample_images" / "scene-town.png"
PLAIN = '''
def plain(context: Context, to: list[int] = [0]) -> Scores:
    """A function without a decorator."""
    return Scores({"to": sum(to)})
'''


@pytest.fixture(scope="module")
def picture(module_warm_session: None) -> Iterator[vlmtui.ImageReading]:
    with vlmtui.open_session("demo", device="cpu") as session:
        yield session.read(SCENE)


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file that can be imported as `my_lenses`."""
    path = tmp_path / "my_lenses.py"
    path.write_text(f"{HEAD}from vlmtui.lenses import Scores\n{SHARPNESS}{PLAIN}")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield path
    sys.modules.pop("my_lenses", None)


def test_a_name_a_path_and_a_function_are_the_same(picture: vlmtui.ImageReading, written: Path) -> None:
    import my_lenses  # type: ignore[import-not-found]

    expected = (np.abs(picture.vectors()).reshape(196, -1) ** 3).mean(-1)
    for which in (str(written), written, f"{written}:sharpness", my_lenses.sharpness):
        found = picture.look(which, power=3)
        assert isinstance(found, Scalars)
        np.testing.assert_allclose(found.values, expected, rtol=1e-5)
    some = picture.look(my_lenses.sharpness, entries=[5, 1], power=3)
    np.testing.assert_allclose(some.values, expected[[5, 1]], rtol=1e-5)
    assert picture.look(my_lenses.plain, to=np.array([1, 2])).values.tolist() == [3]
    assert isinstance(picture.look(f"{written}:plain"), Scores)


def test_built_in_lenses_are_looked_through_likewise(picture: vlmtui.ImageReading) -> None:
    found = picture.look("find", text="sky")
    np.testing.assert_array_equal(found.values, picture.find("sky").ravel())
    np.testing.assert_array_equal(picture.look("pca", "vision.3").values.reshape(14, 14, 3), picture.pca("vision.3"))
    assert picture.position().shape == (14, 14)
    np.testing.assert_array_equal(picture.look(position, "vision.0").values, picture.position().ravel())


def test_a_file_that_changed_since_is_refused(picture: vlmtui.ImageReading, written: Path) -> None:
    import my_lenses  # type: ignore[import-not-found]

    # Another length as well: within one second Python takes a file of the same length for the one it compiled.
    written.write_text(written.read_text().replace("sum(to)", "float(max(to))"))
    for function in (my_lenses.sharpness, my_lenses.plain):
        with pytest.raises(UsageError, match=r"^my_lenses\.py has changed since \w+ was imported from it: import it"):
            picture.look(function)
    assert picture.look(f"{written}:plain", to=[1, 2]).values.tolist() == [2]
    again = importlib.reload(my_lenses)
    assert picture.look(again.plain, to=[1, 2]).values.tolist() == [2]
    assert len(picture.look(again.sharpness).values) == 196


def test_what_comes_from_no_file(picture: vlmtui.ImageReading) -> None:
    names: dict = {"__name__": "__main__"}
    exec(compile(HEAD + SHARPNESS, "<cell>", "exec"), names)
    with pytest.raises(UsageError, match=r"^the lens sharpness is defined in __main__, and a session reads lenses"):
        picture.look(names["sharpness"])
    names["__name__"] = "elsewhere"
    exec(compile(HEAD + SHARPNESS, "<string>", "exec"), names)
    with pytest.raises(UsageError, match=r"^the lens sharpness does not come from a file \(<string>\)"):
        picture.look(names["sharpness"])

    @lens
    def inner(context) -> Scalars:
        return Scalars([])

    with pytest.raises(UsageError, match="inside a function"):
        picture.look(inner)
    with pytest.raises(UsageError, match="lens must be a name, a path, or a function, not int"):
        picture.look(7)


def test_what_is_refused(picture: vlmtui.ImageReading, written: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no lens 'nosuch' here"):
        picture.look("nosuch")
    with pytest.raises(UsageError, match="does not exist"):
        picture.look(tmp_path / "nothere.py")
    with pytest.raises(UsageError, match=r"my_lenses\.py:\d+: the lens sharpness has no option 'colour': it has power"):
        picture.look(written, colour=1)
    with pytest.raises(UsageError, match="there is no entry 999 at tokens: it has 196, counted from 0"):
        picture.look(written, entries=[999])
    with pytest.raises(UsageError, match="entries must be a list of int"):
        picture.look(written, entries=3)
    with pytest.raises(UsageError, match="the lens find has no option 'word'"):
        picture.look("find", word="sky")
    with pytest.raises(UsageError, match=r"the lens pair-loss needs its option logits: give logits=…$"):
        picture.look("pair-loss")
    with pytest.raises(UsageError, match=r"for one token: choose one, such as entries=\[0\]$"):
        picture.look("agreement")
    for stage in ("tokens", "pixels"):
        with pytest.raises(UsageError, match=r"the lens patch-embedding looks at one stage only: give 'vision\.0'$"):
            picture.look("patch-embedding", stage)
    with pytest.raises(UsageError, match=r"for one patch, not 196: choose one of 196, such as entries=\[0\]$"):
        picture.look("patch-embedding", "vision.0")
    for name in ("attention", "ablation"):
        with pytest.raises(UsageError, match=r"this is about an answer: give answer=…, from reading\.ask\(…\)$"):
            picture.look(name)
    (tmp_path / "raises.py").write_text(f"{HEAD}@lens\ndef raises(context: Context) -> Scalars:\n    1 / 0\n")
    with pytest.raises(
        VlmtuiError, match=r"^raises\.py:5: the lens raised ZeroDivisionError: division by zero"
    ) as error:
        picture.look(tmp_path / "raises.py")
    assert "Traceback" in error.value.__notes__[0]


def test_ctrl_c_leaves_the_lens(picture: vlmtui.ImageReading, tmp_path: Path) -> None:
    """The call is interrupted, and the session answers on."""
    path = tmp_path / "endless.py"
    path.write_text(f"{HEAD}@lens\ndef endless(context: Context) -> Scalars:\n    while True: context.progress(1, 2)\n")
    client, begun = picture._client, threading.Event()

    class Interrupted:
        """A wait that Ctrl-C comes into."""

        def __init__(self, future) -> None:
            self.future = future

        def result(self):
            assert begun.wait(60)
            raise KeyboardInterrupt

    client.on_progress = lambda note: begun.set()
    try:
        asked = client.look(picture.data.id, "tokens", lens_call(read_lens_source(str(path))))
        seen = []
        cancel = client.cancel
        client.cancel = lambda _: (seen.append(1), cancel(asked))
        with pytest.raises(KeyboardInterrupt):
            wait_for(client, Interrupted(asked))
    finally:
        client.on_progress, client.cancel = None, cancel
    assert seen == [1]
    assert len(picture.find("sky").ravel()) == 196
