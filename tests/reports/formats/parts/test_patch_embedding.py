"""A patch before the tower's first block in reports, and the norms of position embeddings."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from tests.looked import looked
from tests.query.queries import query_of
from tests.reports import made_reports
from vlmtui.cli import main
from vlmtui.errors import UsageError
from vlmtui.lenses.captions import LensResult
from vlmtui.query.chosen_lens import ChosenLens, lens_for, parse_lens
from vlmtui.query.options import SearchOptions
from vlmtui.query.patches import PatchPosition
from vlmtui.reports.formats.json import report_object
from vlmtui.reports.formats.text import report_lines
from vlmtui.reports.image_report import ImageReport
from vlmtui.results.patch_embedding import PatchEmbeddingResult
from vlmtui.session.typed_lenses.values import Position


def anatomy(**changes: object) -> PatchEmbeddingResult:
    fields = {
        "patch": 5,
        "pixels": np.full((14, 14, 3), (10, 20, 200), np.float32),
        "lowest": np.array([-1.5, -1, 0], np.float32),
        "mean": np.array([-1, 0, 1.25], np.float32),
        "highest": np.array([0, 0.5, 2], np.float32),
        "length": 588,
        "frames": 1,
        "projected": 2.5,
        "position": 1.25,
        "normed": False,
    }
    return PatchEmbeddingResult(**(fields | changes))  # type: ignore[arg-type]


def seen(
    *found: PatchEmbeddingResult, through: ChosenLens | None = None, values: LensResult | None = None
) -> ImageReport:
    reading = made_reports.reading(3, 4)
    query = query_of("tiny", lens=through, patches=(PatchPosition(None, 1, 1),))
    return ImageReport(query, reading, "vision.0", (5,), None, None, values, patch_embeddings=found)


def test_the_stage_before_the_model_has_norms_and_no_words() -> None:
    reading = made_reports.reading(3, 4)
    norms = np.arange(1, len(reading.patch_places) + 1, dtype=np.float32)
    reading = msgspec.structs.replace(reading, pixel_norms=norms)
    seen = ImageReport(query_of("tiny"), reading, "pixels", (0, 5), None)
    told = report_object(seen)
    assert told["query"]["stage"] == "pixels"
    assert told["query"]["hidden"] == 3 * reading.patch_size[0] * reading.patch_size[1]
    assert [(token["norm"], token["words"]) for token in told["tokens"]] == [(1.0, []), (6.0, [])]
    text = "\n".join(report_lines(seen))
    assert f"stage   pixels: {len(norms)} vision patches" in text
    for lens in ("pca", "projector"):
        with pytest.raises(UsageError, match="choose a stage after pixels"):
            ChosenLens(lens).check("pixels", reading.model)


def test_the_lens_is_at_the_stage_where_positions_are_added() -> None:
    reading = made_reports.reading(3, 4)
    assert parse_lens("position", None, ()) == ChosenLens("position")
    assert lens_for(ChosenLens("position"), reading, "vision.0", SearchOptions()) == Position()
    ChosenLens("position").check("vision.0", reading.model)
    with pytest.raises(UsageError, match=r"--stage vision\.0"):
        ChosenLens("position").check("tokens", reading.model)


def test_a_patch_in_text() -> None:
    text = "\n".join(report_lines(seen(anatomy())))
    assert "  given     14 × 14 × 3 = 588 numbers, flattened\n" in text
    assert "  red       -1.500 … 0, mean -1.000; level 10 of 255\n" in text
    assert "  blue      0 … 2.000, mean 1.250; level 200 of 255\n" in text
    assert "  projected norm 2.500, before the position embedding\n" in text
    assert "  position  norm 1.250\n" in text
    assert "note" not in text
    film = anatomy(length=1176, frames=2, position=None, note="positions are rotated within its attention")
    text = "\n".join(report_lines(seen(film)))
    assert "  given     2 × 14 × 14 × 3 = 1,176 numbers, flattened\n" in text
    assert "  position  norm" not in text
    assert "  note      positions are rotated within its attention" in text
    assert "then a norm makes vision.0 of the sum" in "\n".join(report_lines(seen(anatomy(normed=True))))
    assert "given" not in "\n".join(report_lines(seen()))


def test_a_patch_in_json_beside_the_lens_alone() -> None:
    values = looked(lens=Position(), stage="vision.0", numbers=np.arange(12, dtype=np.float32), note="before the norm")
    shown = seen(anatomy(), through=ChosenLens("position"), values=values)
    (token,) = report_object(shown)["tokens"]
    assert token["value"] == 5.0
    assert token["anatomy"]["length"] == 588
    assert token["anatomy"]["levels"][13][13] == [10, 20, 200]
    assert "position: L2 norm of the position embedding; before the norm" in "\n".join(report_lines(shown))
    # without a lens the fields of an entry are those of the contract
    assert "anatomy" not in report_object(replace(shown, values=None, query=query_of("tiny")))["tokens"][0]


def test_as_a_person_asks(
    warm_session: None, clip_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    words = [str(tmp_path / "a.png"), "-m", str(clip_folder), "--device", "cpu", "--quiet", "--stage", "vision.0"]
    words += ["--lens", "position", "--patch", "1,2", "--format", "json"]
    assert main(words) == 0
    (token,) = json.loads(capsys.readouterr().out)["tokens"]
    assert token["index"] == 7
    assert token["anatomy"]["position"] == pytest.approx(token["value"])
    assert token["anatomy"]["length"] == 14 * 14 * 3
