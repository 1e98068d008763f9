"""`gif`: what is painted where, in which frames; and what is refused."""

from __future__ import annotations

import io
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.looked import looked
from tests.query.queries import query_of, with_options
from tests.reports import made_reports
from tests.reports.test_image_reader import Played as Session
from tests.reports.test_image_reader import done
from vlmtui.errors import UsageError
from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.lens_source import LensCall
from vlmtui.query.chosen_lens import ChosenLens
from vlmtui.reports.formats.gif import CAPTION, LONG_SIDE, _caption, animation_frames, encode_frames
from vlmtui.reports.formats.registry import format_for
from vlmtui.reports.images.layout import paint_entries
from vlmtui.reports.images.stage_values import Animation, collect_animations
from vlmtui.session.typed_lenses.values import Components, Find


def test_every_entry_is_painted_over_its_box_and_no_further() -> None:
    reading = made_reports.reading(3, 4)
    under = np.full((427, 640, 3), 100, np.uint8)
    colours = np.zeros((12, 3), np.uint8)
    colours[5] = 255
    places = [place if i == 5 else replace(place, box=None) for i, place in enumerate(reading.places)]
    found = paint_entries(under, places, colours, 1.0)
    x0, y0, x1, y1 = (round(corner) for corner in reading.places[5].box)
    assert (found[y0:y1, x0:x1] > 200).all()
    found[y0:y1, x0:x1] = 100
    assert (found == 100).all()


def seen(*values: LensResult) -> Animation:
    rgb = np.zeros((427, 640, 3), np.uint8)
    return Animation(query_of("tiny"), ChosenLens("pca"), rgb, made_reports.reading(3, 4), values)


def test_a_frame_a_stage_and_a_file_that_opens() -> None:
    numbers = np.linspace(-1, 1, 36).reshape(12, 3).astype(np.float32)
    stages = ("vision.0", "vision.1", "tokens")
    drawn = animation_frames(
        seen(*(looked(lens=Components(), stage=s, numbers=numbers, explained=(0.5,)) for s in stages))
    )
    assert [frame.size for frame in drawn] == [(LONG_SIDE, 427 + CAPTION)] * 3
    with Image.open(
        io.BytesIO(encode_frames([drawn[0], drawn[1].transpose(Image.Transpose.ROTATE_180), drawn[2]]))
    ) as gif:
        assert gif.format == "GIF"
        assert gif.n_frames == 3
        assert gif.info["loop"] == 0


def test_numbers_of_one_kind_share_their_scale_and_logits_have_their_own() -> None:
    low, high = (np.full(12, value, np.float32) for value in (0.0, 1.0))
    ramp = np.linspace(0, 30, 12).astype(np.float32)
    values = [
        looked(lens=Find("sky"), stage=stage, numbers=numbers)
        for stage, numbers in (("vision.0", low), ("tokens", high), ("llm.1", ramp))
    ]
    first, last, logits = (np.asarray(frame)[:427].astype(int) for frame in animation_frames(seen(*values)))
    # viridis: dark blue below, yellow above
    assert first[10, 10, 0] < last[10, 10, 0]
    assert (first == first[0, 0]).all()
    assert logits[0, 0, 0] < logits[420, 630, 0]


def test_noise_is_grey_in_every_frame_and_said() -> None:
    ramp = np.arange(12.0)
    values = [
        replace(looked(lens=Find("sky"), stage=stage, numbers=ramp), noise_end=end)
        for stage, end in (("vision.0", 5.0), ("tokens", 11.0))
    ]
    first, last = (np.asarray(frame)[:427].astype(int) for frame in animation_frames(seen(*values)))
    corners = [frame[y, x] for frame in (first, last) for y, x in ((10, 10), (420, 630))]
    assert [bool(np.ptp(corner) == 0) for corner in corners] == [True, False, True, True]
    said = [_caption(seen(*values), value, "grey: noise") for value in values]
    assert said == ["vision.0   pca, grey: noise, cosine", "tokens   pca, grey: noise, cosine"]


class Same(Session):
    """A session that gives every stage the same components."""

    def look(self, reading: str, stage: str, lens: LensCall, **_: Any) -> Future[Any]:
        self.asked.append(("values", stage))
        return done(looked(lens=lens, stage=stage, numbers=np.zeros((12, 3), np.float32)))


def test_the_stages_up_to_the_one_asked_for(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.new("RGB", (4, 4)).save(photo)
    session = Same()
    (found,) = collect_animations((str(photo),), query_of("tiny", stage="vision.1"), lambda: session)  # type: ignore[arg-type,return-value]
    assert isinstance(found, Animation)
    assert [stage for what, stage in session.asked if what == "values"] == ["vision.0", "vision.1"]
    assert session.closed


def test_what_a_gif_cannot_show() -> None:
    query = query_of("tiny")
    with pytest.raises(UsageError, match="one image"):
        next(collect_animations(("a", "b"), query, Session))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="--lens pca"):
        next(collect_animations(("a",), with_options(query, lens=ChosenLens("projector")), Session))  # type: ignore[arg-type]


def test_the_ending_asks_for_it() -> None:
    assert format_for("x.gif") == "gif"
