"""Reports in parts: what is begun is gone on with, and no row is lost or made twice, wherever it is broken off."""

from __future__ import annotations

import errno
import gc
import itertools
import os
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.batch.desk import Desks, desks, other, outcome, pictures
from tests.query.queries import query_of
from tests.reports import made_reports
from vlmtui import files
from vlmtui.batch import BatchOptions, run_batch
from vlmtui.batch.folder import PartsFolder
from vlmtui.errors import SessionError, UsageError, VlmtuiError
from vlmtui.images.image_file import read_source
from vlmtui.query.conditions import parse_where
from vlmtui.reports.formats.registry import format_named
from vlmtui.reports.image_report import ImageReport
from vlmtui.reports.per_image import ImageFailure

QUERY = query_of("demo", k=3)
HOW = BatchOptions(part_size=4)
COUNT = 18
PARTS = 5


@pytest.fixture
def album(tmp_path: Path) -> list[str]:
    return pictures(tmp_path / "album", COUNT, bad=(5,))


@pytest.fixture
def whole(album: list[str], tmp_path: Path) -> bytes:
    """The report as it is when nothing happens on the way."""
    out = tmp_path / "whole.parquet"
    assert run_batch(desks(album, out), QUERY, HOW) == 1
    return out.read_bytes()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.parquet"


def interrupted(album: list[str], out: Path, at: int, **changes: Any) -> Desks:
    """A run that Ctrl-C ends when the session is asked for the `at`-th time."""

    def heard(number: int) -> None:
        if number == at:
            raise KeyboardInterrupt

    order = desks(album, out, heard=heard, **changes)
    with pytest.raises(KeyboardInterrupt):
        run_batch(order, QUERY, HOW)
    return order


def left(out: Path) -> list[str]:
    return sorted(path.name for path in out.parent.iterdir() if path.name not in ("album", "whole.parquet"))


def test_it_says_what_a_report_one_by_one_says(album: list[str], whole: bytes, tmp_path: Path) -> None:
    found: list[ImageReport | ImageFailure] = []
    for name in album:
        one = outcome(read_source(name))
        if one.error is not None:
            found.append(ImageFailure(name, one.error))
        else:
            assert one.reading is not None
            found.append(made_reports.seen(one.reading, one.words, query=QUERY))
    by_one = tmp_path / "by-one.parquet"
    by_one.write_bytes(b"".join(bytes(piece) for piece in format_named("parquet").write(found, QUERY, True)))  # type: ignore[arg-type]
    ours, theirs = pq.read_table(tmp_path / "whole.parquet"), pq.read_table(by_one)
    assert ours.equals(theirs, check_metadata=True)
    assert pq.read_metadata(tmp_path / "whole.parquet").num_row_groups == 1
    assert whole.startswith(b"PAR1")


def test_a_bad_image_is_a_row_and_is_named(album: list[str], out: Path) -> None:
    album[9] = "nowhere\udcff.png"  # a file name that is no UTF-8
    order = desks(album, out)
    assert run_batch(order, QUERY, HOW) == 1
    rows = [row for row in pq.read_table(out).to_pylist() if row["error"]]
    assert [row["image"] for row in rows] == [album[5], "nowhere?.png"]
    assert [one.replace("\udcff", "?") for one in order.told] == [row["error"] for row in rows]
    assert left(out) == ["out.parquet"]


@pytest.mark.parametrize("at", [2, 3, PARTS])
def test_what_was_broken_off_is_gone_on_with(album: list[str], out: Path, whole: bytes, at: int) -> None:
    first = interrupted(album, out, at)
    done = 4 * (at - 2)  # the part before is waited for while this one is asked about
    if done:
        assert first.told[-1] == f"{done} of {COUNT} images are done; run the same command again to resume"
    assert left(out) == (["out.parquet.parts"] if done else [])
    second = desks(album, out)
    assert run_batch(second, QUERY, HOW) == 1
    assert out.read_bytes() == whole
    assert second.pictures == album[done:]
    assert left(out) == ["out.parquet"]


def test_what_failed_before_is_told(album: list[str], out: Path) -> None:
    interrupted(album, out, 4)
    second = desks(album, out)
    assert run_batch(second, QUERY, HOW) == 1
    assert second.told == [
        "1 image failed in an earlier run of this command: the rows with an error say which, and why"
    ]


def test_another_query_is_refused(album: list[str], out: Path, whole: bytes) -> None:
    interrupted(album, out, 4)
    for query, how, why in (
        (query_of("demo", k=3, metric="dot"), HOW, "with --metric cosine:"),
        (query_of("demo", k=4), HOW, "with -k 3:"),
        (query_of("demo", k=3, condition=parse_where("norm > 1")), HOW, "with another --where:"),
        (QUERY, BatchOptions(part_size=8), "with --part-size 4:"),
    ):
        order = desks(album, out)
        with pytest.raises(VlmtuiError, match=f"out.parquet.parts was started {why} .*--fresh.* -o") as refused:
            run_batch(order, query, how)
        assert refused.value.exit_status == 1
        assert order.asked == []
    order = desks(album, out, model=other(dtype="bfloat16"))
    with pytest.raises(VlmtuiError, match="with the model's dtype float32, and now it is bfloat16") as refused:
        run_batch(order, QUERY, HOW)
    assert refused.value.exit_status == 1
    assert run_batch(desks(album, out), QUERY, BatchOptions()) == 1
    assert out.read_bytes() == whole


def test_a_damaged_list_of_images_is_said_to_be_one(album: list[str], out: Path) -> None:
    interrupted(album, out, 4)
    os.truncate(out.parent / "out.parquet.parts" / "sources", 20)
    for how in (HOW, BatchOptions(resume=True)):
        order = desks(album, out)
        with pytest.raises(VlmtuiError, match=r"sources has changed since the table was started: .*--fresh.* with -o$"):
            run_batch(order, QUERY, how)
        assert order.asked == []


def test_it_is_begun_anew_where_that_is_asked_for(album: list[str], out: Path) -> None:
    interrupted(album, out, 4)
    order = desks(album, out)
    assert run_batch(order, query_of("demo", k=2, metric="dot"), BatchOptions(part_size=5, resume=False)) == 1
    assert order.pictures == album
    assert {row["metric"] for row in pq.read_table(out).to_pylist()} == {"dot", None}


def test_other_pictures_are_refused_or_those_of_then_gone_on_with(album: list[str], out: Path, whole: bytes) -> None:
    interrupted(album, out, 4)
    more = [*album, *pictures(out.parent / "more", 1)]
    for names, now in ((more, "19"), ([*album[1:], more[-1]], "the same number, but others or in another order")):
        said = rf"with other images \(18 of them, now {now}\): add --resume .* --fresh"
        with pytest.raises(VlmtuiError, match=said) as refused:
            run_batch(desks(names, out), QUERY, HOW)
        assert refused.value.exit_status == 1
    order = desks(more, out)
    assert run_batch(order, QUERY, BatchOptions(resume=True)) == 1
    assert out.read_bytes() == whole
    assert order.pictures == album[8:]


def test_names_that_start_from_another_folder_are_other_pictures(
    album: list[str], out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [os.path.relpath(name, tmp_path) for name in album]
    monkeypatch.chdir(tmp_path)
    interrupted(names, out, 4)
    monkeypatch.chdir(tmp_path / "album")
    with pytest.raises(VlmtuiError, match=f"was started in {tmp_path}, where its images are"):
        run_batch(desks(names, out), QUERY, HOW)


def test_a_model_that_cannot_be_held_leaves_nothing_behind(album: list[str], out: Path) -> None:
    def heard(number: int) -> None:
        raise UsageError("there is no such stage")

    with pytest.raises(UsageError, match=r"^there is no such stage$"):
        run_batch(desks(album, out, heard=heard), QUERY, HOW)
    assert left(out) == []


def test_what_was_begun_anew_by_another_is_left_alone(album: list[str], out: Path) -> None:
    def heard(number: int) -> None:
        if number == 3:
            PartsFolder(str(out)).clear()

    with pytest.raises(VlmtuiError, match=r"out\.parquet\.parts was removed or started again by another command"):
        run_batch(desks(album, out, heard=heard), QUERY, HOW)


def test_two_at_once(album: list[str], out: Path) -> None:
    with (
        PartsFolder(str(out)).locked(),
        pytest.raises(VlmtuiError, match=r"another command is writing .*out\.parquet: wait for it, or name another"),
    ):
        run_batch(desks(album, out), QUERY, HOW)
    assert run_batch(desks(album, out), QUERY, HOW) == 1


def broken(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, at: int, error: BaseException) -> None:
    """Have a function raise when it is called for the `at`-th time."""
    real: Callable[..., Any] = getattr(module, name)
    calls: list[None] = []

    def called(*words: Any, **more: Any) -> Any:
        calls.append(None)
        if len(calls) == at:
            raise error
        return real(*words, **more)

    monkeypatch.setattr(module, name, called)


@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_no_file_is_ever_half_there(album: list[str], out: Path, whole: bytes, name: str) -> None:
    """The run is broken off before the first writing of a file is done, gone on with until the second, and so on."""
    asked: list[str] = []
    broken_off = 0
    for at in range(4, 40):
        order = desks(album, out)
        with pytest.MonkeyPatch.context() as patch:
            broken(patch, files.os, name, at, KeyboardInterrupt())
            try:
                assert run_batch(order, QUERY, HOW) == 1
            except KeyboardInterrupt:
                broken_off += 1
        asked += order.pictures
        made = PartsFolder(str(out)).made() if out.with_name("out.parquet.parts").exists() else range(PARTS)
        assert len(made) < PARTS or not out.exists() or out.read_bytes() == whole
        if out.exists() and left(out) == ["out.parquet"]:
            break
    assert broken_off > 1
    assert out.read_bytes() == whole


def test_a_full_disk_loses_nothing(album: list[str], out: Path, whole: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        broken(patch, files.os, "fsync", 11, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        with pytest.raises(VlmtuiError) as full:
            run_batch(desks(album, out), QUERY, HOW)
    said = str(full.value)
    assert "cannot be written (No space left on device): free some space" in said
    assert "; 8 of 18 images are done; run the same command again to resume" in said
    assert run_batch(desks(album, out), QUERY, HOW) == 1
    assert out.read_bytes() == whole


def test_joined_and_not_yet_cleared_away(album: list[str], out: Path, whole: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        broken(patch, PartsFolder, "remove", 1, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            run_batch(desks(album, out), QUERY, HOW)
    PartsFolder(str(out)).part(2).unlink()  # clearing away had begun
    order = desks(album, out)
    assert run_batch(order, QUERY, HOW) == 1
    assert (order.asked, left(out)) == ([], ["out.parquet"])
    assert out.read_bytes() == whole


def test_a_damaged_part_is_named(album: list[str], out: Path, whole: bytes) -> None:
    interrupted(album, out, 4)
    part = PartsFolder(str(out)).part(1)
    part.write_bytes(part.read_bytes()[:-9])
    with pytest.raises(
        VlmtuiError, match=r"part-000001\.parquet cannot be read .*: delete it, and run the same command"
    ):
        run_batch(desks(album, out), QUERY, HOW)
    part.unlink()
    assert run_batch(desks(album, out), QUERY, HOW) == 1
    assert out.read_bytes() == whole


def test_a_picture_that_ends_the_session_is_a_row(album: list[str], out: Path) -> None:
    order = desks(album, out, deadly=frozenset((album[6], album[7])))
    assert run_batch(order, QUERY, HOW) == 1
    rows = pq.read_table(out).to_pylist()
    failed = {row["image"]: row["error"] for row in rows if row["error"]}
    assert list(failed) == [album[5], album[6], album[7]]
    assert failed[album[6]] == "the model session was killed (signal 9)"
    assert list(dict.fromkeys(row["image"] for row in rows)) == album


def test_a_session_that_ends_of_itself_changes_nothing(album: list[str], out: Path, whole: bytes) -> None:
    order = desks(album, out, dies_at=3)
    assert run_batch(order, QUERY, HOW) == 1
    assert out.read_bytes() == whole
    assert len(order.started) == 2
    assert all(len(batch) in (4, 2) for batch in order.asked)  # no picture was asked about alone


def test_sessions_that_all_end_are_the_end(album: list[str], out: Path) -> None:
    order = desks(album, out, deadly=frozenset(album))
    with pytest.raises(SessionError, match="20 model sessions ended in a row, the last one with: "):
        run_batch(order, QUERY, HOW)
    assert len(order.started) in (20, 21)


def test_conditions_and_rows_narrow_what_was_read_together(album: list[str], out: Path) -> None:
    query = query_of(
        "demo", k=3, condition=parse_where("norm > 1.5"), rows=(range(1),), fields=("image", "row", "norm")
    )
    assert run_batch(desks(album, out), query, HOW) == 1
    rows = [row for row in pq.read_table(out).to_pylist() if row["norm"] is not None]
    assert {row["row"] for row in rows} == {0}
    assert all(row["norm"] > 1.5 for row in rows)
    expected = sum(
        int((one.reading.norms[:3] > 1.5).sum()) for name in album if (one := outcome(read_source(name))).reading
    )
    assert len(rows) == expected > 0


def test_memory_does_not_grow_with_the_list(tmp_path: Path) -> None:
    """A long list of names, one of them a picture's: what is held is what is held for a short one.

    Of several pictures two are sometimes read at once, each through a buffer as large as all else together.
    """
    one = pictures(tmp_path / "album", 1)

    def peak(count: int) -> int:
        names = [*one, *(f"/nowhere/{number:06d}.png" for number in range(count))]
        failed = itertools.count(1)
        # errors hold what they came from in circles, which are not broken at once
        order = replace(
            desks(names, tmp_path / f"{count}.parquet"),
            on_failure=lambda error: gc.collect() if next(failed) % 64 == 0 else None,
        )
        tracemalloc.start()
        try:
            assert run_batch(order, QUERY, BatchOptions(part_size=32)) == 1
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)  # what is imported stays
    short, long = peak(300), peak(1500)
    assert long < 1.5 * short
