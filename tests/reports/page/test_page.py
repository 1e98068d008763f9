"""`html`: what is in the file, before any browser opens it."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from importlib import resources
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image

from tests.query.queries import query_of, with_options
from tests.reports import made_reports
from tests.reports.page import contents
from tests.reports.page.contents import Parsed, glance, said, unpacked
from tests.reports.test_image_reader import Played
from vlmtui.errors import UsageError
from vlmtui.query.chosen_lens import ChosenLens
from vlmtui.reading import ImageInfo
from vlmtui.reports.formats.registry import format_for
from vlmtui.reports.page.content import METRICS, collect_pages, stages_with_words
from vlmtui.reports.page.data import image_title
from vlmtui.reports.page.document import SCRIPTS, page_document
from vlmtui.reports.page.image import LONG_SIDE, MOST_BYTES, embed_image
from vlmtui.tui.terminal.theme import DARK, LIGHT

ASSETS = resources.files("vlmtui.reports.page").joinpath("assets")


def test_the_policy_allows_this_style_and_this_script_and_nothing_else() -> None:
    page = Parsed(page_document(glance(made_reports.reading())))
    (policy,) = (meta["content"] for meta in page.of("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    (style,) = (text for tag, text in page.texts if tag == "style")
    script = [text for tag, text in page.texts if tag == "script"][1]
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": f"'sha256-{digests[0]}'",
        "script-src": f"'sha256-{digests[1]}'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert [one.get("type") for one in page.of("script")] == ["application/json", None]


def test_nothing_is_fetched_and_nothing_runs_but_the_script() -> None:
    page = Parsed(page_document(glance(made_reports.reading())))
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        for name in ("src", "href", "action", "srcset"):
            assert (attributes.get(name) or "data:").startswith("data:"), (tag, name)
    for name in SCRIPTS:
        text = ASSETS.joinpath(f"{name}.js").read_text("utf-8")
        forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(|fetch\(|XMLHttp|import\("
        assert not re.search(forbidden, text), name
    for css in ("palette.css", "page.css"):
        assert not re.search(r"url\(|@import", ASSETS.joinpath(css).read_text("utf-8"))


def test_hostile_pieces_and_names_are_text() -> None:
    reading = made_reports.reading(image=ImageInfo(contents.HOSTILE[0], "ab" * 32, 640, 427))
    reading = msgspec.structs.replace(reading, model=msgspec.structs.replace(reading.model, name=contents.HOSTILE[5]))
    text = page_document(glance(reading, pieces=[*contents.HOSTILE]))
    text.encode("utf-8")  # no lone surrogate has come through
    page, plain = Parsed(text), Parsed(page_document(glance(made_reports.reading())))
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in plain.tags]
    assert all(ord(c) >= 32 or c == "\n" for c in text)
    assert not set("\u202e\u2067\u2066\x9b") & set(text)
    shown = [piece[1] for piece in page.data["pieces"]]
    assert "</script><img src=x onerror=alert(1)>" in shown
    assert "‿U+202EU+2067evilU+2066" in shown
    assert page.data["source"] == contents.HOSTILE[0].rsplit("/", 1)[-1]
    (title,) = (text for tag, text in page.texts if tag == "title")
    assert title.startswith(page.data["source"])


def test_the_same_bytes_every_time() -> None:
    assert page_document(glance(contents.tiled())) == page_document(glance(contents.tiled()))


def test_scores_norms_and_boxes_are_the_readings_own() -> None:
    reading = made_reports.reading()
    of = glance(reading)
    data = Parsed(page_document(of)).data
    for order, words in of.words["tokens"].items():
        for entry in range(12):
            assert said(data, "tokens", order, entry) == words.at(entry)
    assert (unpacked(data["charts"]["tokens"]["norms"], "<f4") == reading.norms).all()
    assert (unpacked(data["charts"]["patches"]["norms"], "<f4") == reading.grid_norms[0].patches.ravel()).all()
    boxes = unpacked(data["entries"]["tokens"]["boxes"], "<f8").reshape(-1, 4)
    assert [tuple(box) for box in boxes.tolist()] == [place.box for place in reading.places]


def test_every_piece_stands_in_it_once() -> None:
    data = Parsed(page_document(glance(made_reports.reading()))).data
    ids = [piece[0] for piece in data["pieces"]]
    assert len(ids) == len(set(ids))
    assert {row for s in data["stages"] for w in s["words"].values() for row in unpacked(w["ids"], "<i4")} == {
        *range(len(ids))
    }


def test_a_piece_has_the_number_of_its_word_the_same_for_all_its_spellings() -> None:
    pieces: list[str | None] = ["▁sky", "Sky", "▁SKY", "▁Maß", "▁mass", None, None, "sky"]
    of = glance(made_reports.reading(4, 4), pieces=pieces, k=8)
    data = Parsed(page_document(of)).data
    numbers = {id_: number for id_, *_, number in data["pieces"]}
    assert sorted(numbers) == list(range(8))
    assert len({numbers[id_] for id_ in (0, 1, 2, 7)}) == 1
    assert len(set(numbers.values())) == 5


def test_it_is_small_also_with_noise_and_every_piece_another() -> None:
    reading = made_reports.reading(24, 24, layers=27)
    pieces: list[str | None] = [f"▁word{i}" for i in range(3000)]
    rgb = np.random.default_rng(0).integers(0, 256, (2000, 1500, 3), dtype=np.uint8)
    reading = msgspec.structs.replace(reading, image=ImageInfo("noise.png", "ab" * 32, 1500, 2000))
    text = page_document(glance(reading, metrics=METRICS, k=8, pieces=pieces, rgb=rgb))
    assert len(text.encode()) < 3_000_000


def test_the_picture_is_no_larger_than_a_screen_shows_it() -> None:
    large = embed_image(np.full((3000, 2000, 3), 90, np.uint8))
    assert (large.width, large.height) == (round(2000 * LONG_SIDE / 3000), LONG_SIDE)
    noise = embed_image(np.random.default_rng(0).integers(0, 256, (1400, 1400, 3), dtype=np.uint8))
    assert len(base64.b64decode(noise.address.partition(",")[2])) <= MOST_BYTES
    thin = embed_image(np.zeros((3000, 7, 3), np.uint8))
    assert (thin.width, thin.height) == (3, LONG_SIDE)


def test_a_small_picture_is_embedded_exactly() -> None:
    rgb = np.random.default_rng(2).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    file = embed_image(rgb).address.partition(",")[2]
    assert (np.asarray(Image.open(io.BytesIO(base64.b64decode(file))).convert("RGB")) == rgb).all()


def test_it_wears_the_explorers_colours() -> None:
    css = ASSETS.joinpath("palette.css").read_text("utf-8")
    pairs = re.findall(r"--([\w-]+): light-dark\((.*?), (.*?)\)", css)
    worn = {name.replace("-", "_"): colours for name, *colours in pairs}
    assert len(worn) == 12
    assert worn == {name: [getattr(LIGHT, name), getattr(DARK, name)] for name in worn}


def test_what_a_page_has_no_place_for() -> None:
    start: Any = Played
    with pytest.raises(UsageError, match="one image"):
        next(collect_pages(("a.png", "b.png"), query_of("tiny"), start))
    with pytest.raises(UsageError, match="leave --lens, --find and --marked out"):
        next(collect_pages(("a.png",), query_of("tiny", lens=ChosenLens("pca")), start))
    with pytest.raises(UsageError, match="shows every patch"):
        next(collect_pages(("a.png",), query_of("tiny", rows=(range(2),)), start))


def test_which_stages_have_words() -> None:
    model = made_reports.reading().model
    query = query_of("tiny")
    assert stages_with_words(query, model) == ("tokens",)
    assert stages_with_words(with_options(query, stage="vision.1"), model) == ("tokens",)
    assert stages_with_words(with_options(query, stage="llm.2"), model) == ("tokens", "llm.2")
    assert stages_with_words(with_options(query, stages=("all",)), model) == ("tokens", "llm.1", "llm.2")
    projected = with_options(query, stage="vision.1", lens=ChosenLens("projector"))
    assert stages_with_words(projected, model) == ("vision.1", "tokens")
    with pytest.raises(UsageError, match=r"no stage 'llm\.9'"):
        stages_with_words(with_options(query, stages=("llm.9",)), model)


def test_the_ending_asks_for_it() -> None:
    assert format_for("page.html") == "html"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("/home/ada/photos/china.jpg", "china.jpg"),
        ("photos/china.jpg", "china.jpg"),
        ("https://images.example/china.jpg", "https://images.example/china.jpg"),
        ("-", "standard input"),
    ],
)
def test_a_page_to_be_mailed_names_no_folder(source: str, name: str) -> None:
    assert image_title(source) == name
