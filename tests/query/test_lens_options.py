"""`--lens` of what is not built in and `--lens-option`: what they ask for, and what a report says of it."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.cli.test_cli import CHINA, refused, vlmtui
from tests.looked import looked
from tests.query.queries import query_of
from tests.reports import made_reports
from tests.session.lens_files import HEAD, SHARPNESS
from vlmtui.batch import manifest as manifests
from vlmtui.batch.sources import digest_sources
from vlmtui.errors import UsageError
from vlmtui.lenses.description import LensDescription
from vlmtui.lenses.lens_source import LensSource, read_lens_source
from vlmtui.query.chosen_lens import ChosenLens, lens_for, parse_lens
from vlmtui.query.options import SearchOptions
from vlmtui.reports.formats.json import report_object
from vlmtui.reports.image_report import ImageReport

DESCRIBED = LensDescription(name="sharpness", kind="Scalars", origin="some-lenses 1.2")


@pytest.fixture
def sharpness(tmp_path: Path) -> str:
    path = tmp_path / "sharpness.py"
    path.write_text(HEAD + SHARPNESS)
    return str(path)


def offer(folder: Path, name: str) -> None:
    """A package that offers a lens of this name, which nobody imports here."""
    info = folder / "some_lenses-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: some-lenses\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[vlmtui.lenses]\n{name} = nothere:it\n")


def test_a_file_is_read_and_its_options_are_words(sharpness: str) -> None:
    through = parse_lens(sharpness, None, (), ["power=3", "to=1", "to=2", "a-b=x=y"])
    assert through == ChosenLens(
        "sharpness.py", options=(("power", "3"), ("to", ("1", "2")), ("a_b", "x=y")), source=read_lens_source(sharpness)
    )
    assert not through.is_described
    assert lens_for(through, made_reports.reading(3, 4), "tokens", SearchOptions()).given == dict(through.options)
    assert parse_lens(f"{sharpness}:sharpness", None, ()).name == "sharpness"


def test_a_name_is_that_of_a_package_here_or_may_be_one_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        UsageError,
        match=r"^--lens 'x' is not one of similarity, .*layers: choose one, or name a file, such as \./sharpness\.py$",
    ):
        parse_lens("x", None, ())
    assert parse_lens("x", None, (), far=True) == ChosenLens("x", source=LensSource("x"))
    offer(tmp_path, "sharpness")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert parse_lens("sharpness", None, ()) == ChosenLens("sharpness", source=LensSource("sharpness"))
    with pytest.raises(
        UsageError, match=r"^--lens 'x' is not one of similarity, .*layers; sharpness: choose one, or name a file"
    ):
        parse_lens("x", None, ())
    for wrong, meant in (("local-word", "local-words"), ("PCA", "pca"), ("sharpnes", "sharpness")):
        with pytest.raises(
            UsageError, match=rf"^--lens '{wrong}' is not one of .*layers; sharpness: did you mean {meant}\?$"
        ):
            parse_lens(wrong, None, ())
    for far in (False, True):  # registered, and not for reports
        with pytest.raises(UsageError, match=r"^--lens 'hidden-states' is not one of"):
            parse_lens("hidden-states", None, (), far=far)


@pytest.mark.parametrize(
    ("name", "find", "options", "said"),
    [
        (None, None, ["a=1"], "--lens-option is for a lens: name one with --lens"),
        ("pca", None, ["a=1"], "the lens pca has no option 'a': it has none"),
        ("find", "sky", ["text=sea"], "--lens find takes its text by --find: leave --lens-option text out"),
        ("layers", None, ["k=1"], "--lens layers takes no --lens-option: leave k out"),
        ("./nothere.py", None, [], "--lens ./nothere.py does not exist: check the path"),
        ("FILE", "sky", [], "takes neither --find nor --marked: its options are given by --lens-option"),
        ("FILE", None, ["power"], "--lens-option 'power' is not an option: give NAME=VALUE, such as power=3"),
        ("FILE", None, ["=3"], "--lens-option '=3' is not an option"),
    ],
)
def test_what_does_not_fit(name: str, find: str, options: list[str], said: str, sharpness: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_lens(sharpness if name == "FILE" else name, find, (), options)


def test_the_json_says_where_it_is_from(sharpness: str) -> None:
    source = read_lens_source(sharpness)
    through = ChosenLens("sharpness", options=(("power", 3.0),), source=source, session_description=DESCRIBED)
    reading = made_reports.reading(3, 4)
    values = looked(lens_for(through, reading, "tokens", SearchOptions()), "tokens", np.arange(12.0), note="of two")
    seen = ImageReport(query_of("tiny", lens=through), reading, "tokens", (0, 1), None, None, values)
    assert report_object(seen)["query"]["lens"] == {
        "name": "sharpness",
        "source": {"path": sharpness, "sha256": source.sha256},
        "options": {"power": 3.0},
        "note": "of two",
    }
    installed = replace(through, source=LensSource("sharpness"))
    told = report_object(replace(seen, query=query_of("tiny", lens=installed)))["query"]["lens"]
    assert told["source"] == {"package": "some-lenses", "version": "1.2"}


def test_it_travels_with_its_text(sharpness: str) -> None:
    query = query_of(
        "demo", lens=ChosenLens("sharpness", source=read_lens_source(sharpness), session_description=DESCRIBED)
    )
    assert pickle.loads(pickle.dumps(query)) == query
    assert SHARPNESS in query.lens.source.text


def test_a_batch_knows_its_lens_again(sharpness: str) -> None:
    def asked(through: ChosenLens) -> object:
        return manifests.new_manifest(query_of("demo", lens=through), digest_sources((CHINA,)), 64).query["lens"]

    assert asked(ChosenLens("find", "sky")) == "Through(name='find', text='sky', marked=())"
    first = ChosenLens("sharpness", source=read_lens_source(sharpness), session_description=DESCRIBED)
    Path(sharpness).write_text(HEAD + SHARPNESS + "# changed\n")
    other = replace(first, source=read_lens_source(sharpness))
    assert asked(first) != asked(other)
    assert asked(first) != asked(replace(first, options=(("power", 3.0),)))
    assert len(asked(first)) < 200


def test_a_report_through_a_file(sharpness: str, tmp_path: Path, warm_session: None) -> None:
    words = ("report", CHINA, CHINA, "--lens", sharpness, "--lens-option", "power=3")
    done = vlmtui(*words, "--format", "json", "--patch", "2,3", "--quiet")
    assert (done.returncode, done.stderr) == (0, b"")
    found = json.loads(done.stdout)
    assert found[0]["query"]["lens"]["options"] == {"power": 3.0}
    assert found[0]["tokens"][0]["value"] > 0
    table = tmp_path / "words.parquet"
    done = vlmtui(*words, "-o", str(table), "--quiet")
    assert (done.returncode, done.stderr) == (0, b"")
    import pyarrow.parquet as pq

    column = pq.read_table(table)["value"].to_pylist()
    assert column[2 * 14 + 3] == pytest.approx(found[0]["tokens"][0]["value"])


def test_what_is_wrong_is_said_before_a_picture_is_read(sharpness: str, tmp_path: Path, warm_session: None) -> None:
    said = refused(vlmtui("report", CHINA, "--lens", sharpness, "--lens-option", "size=3"), 2)
    assert said == "vlmtui: sharpness.py:4: the lens sharpness has no option 'size': it has power\n"
    broken = tmp_path / "broken.py"
    broken.write_text("def it(:\n")
    said = refused(vlmtui("report", CHINA, "--lens", str(broken)))
    assert said == "vlmtui: broken.py:1: the lens cannot be read: invalid syntax\n"


def test_a_description_crosses_the_line() -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(DESCRIBED), type=LensDescription) == DESCRIBED
