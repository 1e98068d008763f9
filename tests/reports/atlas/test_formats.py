"""An atlas as text, JSON, CSV and a page."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image

from tests.reports.atlas.tables import album, seen, wild, write
from tests.reports.page import chromium
from tests.reports.page.contents import Parsed
from vlmtui.cli import main
from vlmtui.display.pieces import visible, width
from vlmtui.errors import ImageError
from vlmtui.reading import ImageInfo
from vlmtui.reports.atlas import crops
from vlmtui.reports.atlas.json_csv import TABLES, atlas_csv
from vlmtui.reports.atlas.page import atlas_html
from vlmtui.reports.atlas.summary import AtlasOptions, build_atlas
from vlmtui.reports.atlas.text import atlas_text
from vlmtui.reports.formats.csv import csv_lines
from vlmtui.reports.per_image import ImageFailure

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>\u202e.png'


@pytest.fixture
def album_file(tmp_path: Path) -> Path:
    return write(album(), tmp_path / "words.parquet")


def test_the_same_numbers_in_every_format(album_file: Path, tmp_path: Path) -> None:
    out = {ending: tmp_path / f"atlas.{ending}" for ending in ("txt", "json", "html")}
    for file in out.values():
        assert main(["atlas", str(album_file), "--word", "sky", "-k", "5", "-o", str(file)]) == 0
    told = json.loads(out["json"].read_text())
    assert told["schema"] == "vlmtui/atlas/1"
    assert (told["pictures"], told["failed"]) == (52, 8)
    assert len(told["words"]) == 5
    text = out["txt"].read_text()
    assert max(map(width, text.splitlines())) <= 80
    assert not any(line != line.rstrip() for line in text.splitlines())
    assert "52 images; 8 more failed" in text
    assert "album/6.png is no picture" in text
    tables = {}
    for name in TABLES:
        file = tmp_path / f"{name}.csv"
        assert main(["atlas", str(album_file), "--word", "sky", "-k", "5", "--table", name, "-o", str(file)]) == 0
        tables[name] = list(csv.DictReader(file.open(newline="")))
    assert [int(row["id"]) for row in tables["words"]] == [word["id"] for word in told["words"]]
    assert [float(row["among_share"]) for row in tables["words"]] == [word["among_share"] for word in told["words"]]
    (sky,) = told["sought"]
    assert [float(row["share"]) for row in tables["where"]] == [share for row in sky["where"] for share in row]
    assert {(row["word"], row["counts"]) for row in tables["where"]} == {("sky", "among")}
    ranked = [(int(row["place"]), float(row["score"])) for row in tables["patches"]]
    assert ranked == [(p["place"], p["score"]) for p in sky["patches"]]
    assert ranked == sorted(ranked, key=lambda one: (one[0], -one[1]))
    assert [row["error"] for row in tables["failures"]] == [one["error"] for one in told["failures"]]
    positions = [at for grid in told["outliers"]["grids"] for at in grid["positions"]]
    assert [int(row["count"]) for row in tables["outliers"]] == [at["count"] for at in positions]
    page = Parsed(out["html"].read_text())
    assert [tag for tag, _ in page.tags].count("article") == 5 + len(told["outliers"]["grids"])


def test_text_and_page_fold_spellings_and_data_does_not(album_file: Path, tmp_path: Path) -> None:
    out = {ending: tmp_path / f"atlas.{ending}" for ending in ("txt", "json", "csv", "html")}
    for file in out.values():
        assert main(["atlas", str(album_file), "-k", "99", "-o", str(file)]) == 0
    words = {word["piece"]: word for word in json.loads(out["json"].read_text())["words"]}
    entries = json.loads(out["json"].read_text())["entries"]
    assert {"▁sky", "sky"} <= words.keys()
    assert {"▁sky", "sky"} <= {row["piece"] for row in csv.DictReader(out["csv"].open(newline=""))}
    first = words["▁sky"]["first"] + words["sky"]["first"]
    (line,) = [line.split() for line in out["txt"].read_text().splitlines() if line.startswith("sky ×2 ")]
    assert line[3] == f"{100 * first / entries:.0f}%"
    page = out["html"].read_text()
    found = re.findall(r"<h3><bdi>[sS]ky</bdi>(.*?) <small>.*?<dt>entries</dt><dd>([\d,]+),", page, re.DOTALL)
    assert found == [(" ×2", f"{first:,}")]
    for text in (out["txt"].read_text(), page):
        assert "Spellings of one word are one line with the most frequent one, × their number." in " ".join(
            text.split()
        )


def test_text_and_page_have_every_spelling_where_folding_is_off(
    album_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = {ending: tmp_path / f"atlas.{ending}" for ending in ("txt", "json", "html")}
    for file in out.values():
        assert main(["atlas", str(album_file), "-k", "99", "--no-fold", "-o", str(file)]) == 0
    words = json.loads(out["json"].read_text())["words"]
    text, page = out["txt"].read_text(), out["html"].read_text()
    assert {"▁sky", "sky"} <= {word["piece"] for word in words}
    ids = [int(line.split()[1]) for line in text.splitlines() if re.match(r"\S+ +\d+  +\d+%", line)]
    assert ids == [word["id"] for word in words]
    found = re.findall(r"<h3><bdi>.*?</bdi> <small>(\d+)<.*?<dt>entries</dt><dd>([\d,]+),", page, re.DOTALL)
    assert found == [(str(word["id"]), f"{word['first']:,}") for word in words]
    for shown in (text, page):
        assert "×2" not in shown
        assert "Spellings of one word" not in " ".join(shown.split())
    assert main(["atlas", str(album_file), "--fold", "--format", "csv"]) == 2
    said = "vlmtui: --fold is for reading, and csv has every spelling: choose --format text or html\n"
    assert capsys.readouterr().err.startswith(said)


def test_without_a_word_the_tables_are_of_those_most_said(album_file: Path, capsys: pytest.CaptureFixture) -> None:
    for name in ("where", "patches"):
        assert main(["atlas", str(album_file), "-k", "3", "--format", "csv", "--table", name]) == 0
        rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
        ids = [chosen.ids[0] for chosen in build_atlas(AtlasOptions((str(album_file),), k=3)).words.most_frequent]
        assert list(dict.fromkeys(int(row["id"]) for row in rows)) == ids
        assert all(row.get("counts", "first") == "first" for row in rows)


@pytest.mark.parametrize("name", ["where", "patches"])
def test_a_word_that_is_nowhere_is_said_to_be(album_file: Path, capsys: pytest.CaptureFixture, name: str) -> None:
    words = ["--word", "qqqzzz", "--word", "sky", "--format", "csv", "--table", name]
    assert main(["atlas", str(album_file), *words, "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert {row["word"] for row in csv.DictReader(io.StringIO(out))} == {"sky"}
    assert err == ""
    assert main(["atlas", str(album_file), "--word", "qqqzzz", *words[4:]]) == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    assert err == "vlmtui: no entry has qqqzzz among its words\n"


def test_a_map_says_what_it_counts(album_file: Path) -> None:
    page = "".join(atlas_html(build_atlas(AtlasOptions((str(album_file),), k=2, words=("sky",)))))
    captions = re.findall("<figcaption>(.*?)</figcaption>", page)
    assert captions[0].startswith("in the top 5 of at most ")
    assert all(caption.startswith("top-1 of at most ") for caption in captions[1:3])


def test_without_patches(album_file: Path) -> None:
    atlas = build_atlas(AtlasOptions((str(album_file),), k=2, patches=0, words=("sky",)))
    assert not any(chosen.patches for chosen in (*atlas.words.most_frequent, *atlas.words.sought))
    assert "Spellings of sky: sky (0), ‿sky (1)" in "".join(atlas_text(atlas))
    assert not Parsed("".join(atlas_html(atlas))).of("img")


def test_only_failures(tmp_path: Path, capsysbinary: pytest.CaptureFixture) -> None:
    failed = [ImageFailure("a.png", ImageError("a.png is no picture"))]
    file = write(failed, tmp_path / "a.parquet")
    for kind in ("text", "json", "csv", "html"):
        assert main(["atlas", str(file), "--word", "sky", "--format", kind]) == 0
        assert capsysbinary.readouterr().out
    assert "a.png is no picture" in "".join(atlas_text(build_atlas(AtlasOptions((str(file),)))))


def pictured(folder: Path, number: int, colour: tuple[int, int, int]) -> Any:
    """A picture of one colour, on disk, and its report."""
    path = folder / f"{number}.png"
    Image.new("RGB", (640, 427), colour).save(path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return seen(number, 4, 6, image=ImageInfo(str(path), sha256, 640, 427))


def test_crops_are_of_the_pictures_that_were_read(tmp_path: Path) -> None:
    red, green, blue = (pictured(tmp_path, i, c) for i, c in enumerate(((200, 0, 0), (0, 200, 0), (0, 0, 200))))
    file = write([red, green, blue], tmp_path / "a.parquet")
    Image.new("RGB", (640, 427), "white").save(tmp_path / "1.png")
    (tmp_path / "2.png").unlink()
    atlas = build_atlas(AtlasOptions((str(file),), k=1, patches=72))
    cut = crops.crop_patches(atlas.words.most_frequent[0].patches)
    assert cut.missing == 2
    assert {source for source, _ in cut.found} == {str(tmp_path / "0.png")}
    for crop in cut.found.values():
        data = base64.b64decode(crop.address.removeprefix("data:image/jpeg;base64,"))
        with Image.open(io.BytesIO(data)) as image:
            assert image.size == (crop.width, crop.height) == (96, 96)
            rgb = np.asarray(image.convert("RGB"), dtype=int)
        assert np.abs(np.median(rgb, axis=(0, 1)) - (200, 0, 0)).max() < 12
    assert "2 of the images are missing or changed" in "".join(atlas_html(atlas))


def test_a_page_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crops, "MOST_BYTES", 4_000)
    file = write([pictured(tmp_path, i, (9, 9, 9)) for i in range(4)], tmp_path / "a.parquet")
    atlas = build_atlas(AtlasOptions((str(file),), k=4))
    cut = crops.crop_patches(patch for chosen in atlas.words.most_frequent for patch in chosen.patches)
    assert cut.full
    assert sum(len(crop.address) for crop in cut.found.values()) <= 4_000
    assert "not all fit into this page" in "".join(atlas_html(atlas))


def hostile(folder: Path) -> str:
    """A page of tables whose words, names and errors would like to be more than text."""
    results = []
    for number in range(6):
        one = wild(seen(number, 4, 6, image=ImageInfo(f"{number}{HOSTILE}", "0" * 64, 640, 427)), 7)
        pieces = {id_: f"{id_}{HOSTILE}" for id_ in one.words.pieces}
        words = type(one.words)(
            **{
                name: pieces if name in ("pieces", "texts") else getattr(one.words, name)
                for name in one.words.__struct_fields__
            }
        )
        results.append(replace(one, words=words))
    results.append(ImageFailure(HOSTILE, ImageError(f"{HOSTILE} is no picture")))
    file = write(results, folder / "a.parquet")
    return "".join(atlas_html(build_atlas(AtlasOptions((str(file),), words=(f"3{HOSTILE}",)))))


def test_a_hostile_table_makes_no_markup(tmp_path: Path) -> None:
    text = hostile(tmp_path)
    page = Parsed(text)
    assert not page.of("script")
    assert not page.of("img")
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
    assert "\u202e" not in text
    (policy,) = (meta["content"] for meta in page.of("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    (style,) = (text for tag, text in page.texts if tag == "style")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    rules = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert policy == rules
    assert not re.search(r"https?:|url\(|@import", style)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium.started() as browser:
        yield browser


@pytest.mark.parametrize(("scheme", "ground"), [("light", "rgb(251, 250, 247)"), ("dark", "rgb(13, 17, 23)")])
def test_in_a_browser(browser: Any, tmp_path: Path, scheme: str, ground: str) -> None:
    pictures = [wild(pictured(tmp_path, i, (30 * i, 90, 200)), 13) for i in range(6)]
    file = write([*pictures, ImageFailure("bad.png", ImageError("bad.png is no picture"))], tmp_path / "a.parquet")
    atlas = build_atlas(AtlasOptions((str(file),), k=3, patches=4, words=("sky", "zebra")))
    with chromium.watched(browser, tmp_path) as opened:
        page = opened("".join(atlas_html(atlas)), color_scheme=scheme, viewport={"width": 400, "height": 800})
        assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == ground
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        assert page.locator("h1").inner_text() == "Atlas of 6 images"
        assert page.locator(".patches img").count() == 4 * 4
        assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth === 96)")
        (id_,) = atlas.words.most_frequent[0].ids
        first = visible(*atlas.counts.names[id_]), str(id_)
        assert page.locator("article h3").first.inner_text() == " ".join(first)
        assert page.locator(".repeat li").first.inner_text().split() == ["2,1", "6", "of", "6"]
        assert page.locator(".grid svg rect").count() == 24
        assert page.locator(".failures").inner_text() == "bad.png is no picture"


def test_a_hostile_page_stays_quiet_in_a_browser(browser: Any, tmp_path: Path) -> None:
    with chromium.watched(browser, tmp_path) as opened:
        page = opened(hostile(tmp_path))
        assert "<script>alert(1)" in page.locator("article h3").first.inner_text()


def test_no_cell_of_a_safe_table_is_a_formula() -> None:
    rows = [["word", "n"], ["=1+1", -2], ["@x", None], ["sky", 3]]
    assert "".join(csv_lines(rows, True)) == "word,n\n'=1+1,-2\n'@x,\nsky,3\n"
    assert "".join(csv_lines(rows)) == "word,n\n=1+1,-2\n@x,\nsky,3\n"


def test_no_table_of_an_atlas_has_a_formula_where_it_is_for_a_spreadsheet(tmp_path: Path) -> None:
    one = seen(0, 4, 6, image=ImageInfo("=image.png", "0" * 64, 640, 427))
    texts = dict.fromkeys(one.words.pieces, "=1+1")
    results = [replace(one, words=msgspec.structs.replace(one.words, pieces=texts, texts=texts))]
    results += [ImageFailure("@bad.png", ImageError("+bad.png is no picture"))]  # type: ignore[list-item]
    file = write(results, tmp_path / "a.parquet")
    for table in TABLES:
        plain, safe = (
            list(
                csv.reader(
                    io.StringIO(
                        "".join(atlas_csv(build_atlas(AtlasOptions((str(file),), table=table, csv_safe=is_safe))))
                    )
                )
            )
            for is_safe in (False, True)
        )
        formulas = [cell for row in plain for cell in row if cell.startswith(("=", "@", "+"))]
        assert bool(formulas) == (table != "outliers"), table
        assert not [cell for row in safe for cell in row if cell.startswith(("=", "@", "+"))], table
        assert len(plain) == len(safe)
