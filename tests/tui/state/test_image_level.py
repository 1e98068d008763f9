"""Vision towers in the explorer, with a real session: texts and classes, of patches and of the whole picture."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec import structs
from textual.pilot import Pilot

from tests.families import build
from tests.query.queries import query_of
from tests.tui import readings
from tests.tui.fake import FakeWorker, app
from tests.tui.families import FAMILIES
from tests.tui.screens.test_explorer import WIDE, explorer, text
from tests.tui.test_session_worker import until
from vlmtui.query.chosen_lens import ChosenLens
from vlmtui.session.discovery import SessionLocation
from vlmtui.session.typed_lenses.values import Evidence
from vlmtui.tui.app import VlmtuiApp
from vlmtui.tui.options import ExplorerOptions
from vlmtui.tui.session_worker import SessionWorker
from vlmtui.tui.state.image_level import MOST_TEXTS, parse_texts


@asynccontextmanager
async def opened(family: str, folder: Path) -> AsyncIterator[tuple[VlmtuiApp, Pilot[int]]]:
    image = readings.picture(96, 64)
    query = query_of(str(build(family, folder / family)), device="cpu", where=SessionLocation())
    conversation = SessionWorker(ExplorerOptions(image=readings.source(image), query=query))
    tui = VlmtuiApp(conversation, image)
    try:
        async with tui.run_test(size=WIDE) as pilot:
            await until(pilot, lambda: len(tui.screen_stack) > 1 and explorer(pilot).state.results.reading is not None)
            yield tui, pilot
    finally:
        conversation.close()


def ranking(tui: VlmtuiApp) -> list[tuple[str, int]]:
    """Names and percentages under the panel's heading."""
    lines = text(tui, "#words").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("WHOLE IMAGE")) + 1
    rows = [line.replace("━", "").split() for line in lines[start:] if "%" in line]
    return [(row[0], int(next(word for word in row if word.endswith("%"))[:-1])) for row in rows]


async def test_texts_against_patches_and_the_whole_picture(warm_session: None, tmp_path: Path) -> None:
    async with opened("clip", tmp_path) as (tui, pilot):
        assert "c compares texts with the whole image" in text(tui, "#words")
        assert "c texts" in text(tui, "#keys")
        assert "metric" not in text(tui, "#keys")
        await pilot.press("slash", *"sky", "enter")
        await until(pilot, lambda: "approximate" in text(tui, "#legend"))
        assert "find sky: cosine, approximate, by CLIP's value path" in text(tui, "#legend")
        # the text that was looked for is held against the whole picture, alone as yet
        await until(pilot, lambda: "WHOLE IMAGE" in text(tui, "#words"))
        assert ranking(tui) == [("sky", 100)]
        # and is there to be added to
        await pilot.press("c", "end", *"|dog|dog", "enter")
        await until(pilot, lambda: len(ranking(tui)) == 2)
        assert "probabilities over these texts (softmax)" in text(tui, "#words")
        found = ranking(tui)
        match = explorer(pilot).state.results.image_level.match
        assert match is not None
        names = ("sky", "dog")
        order = sorted(range(2), key=lambda i: -match.probabilities[i])
        assert [name for name, _ in found] == [names[i] for i in order]
        assert sum(share for _, share in found) in (99, 100, 101)
        # the picture is read again, and held against them again
        reading = explorer(pilot).state.results.reading
        await pilot.press("r")
        await until(
            pilot, lambda: explorer(pilot).state.results.reading is not reading and len(ranked_or_none(tui)) == 2
        )
        assert ranking(tui) == found


def ranked_or_none(tui: VlmtuiApp) -> list[tuple[str, int]]:
    return ranking(tui) if "WHOLE IMAGE" in text(tui, "#words") else []


async def test_classes_of_the_whole_picture_and_of_patches(warm_session: None, tmp_path: Path) -> None:
    async with opened("vit", tmp_path) as (tui, pilot):
        assert "c shows the classes" in text(tui, "#words")
        await pilot.press("c")
        await until(pilot, lambda: "WHOLE IMAGE" in text(tui, "#words"))
        whole = explorer(pilot).state.results.image_level
        assert whole.head is not None
        assert whole.classes is not None
        labels = [whole.head.labels[i] for i in whole.classes.ids.tolist()]
        found = ranking(tui)
        assert [name for name, _ in found] == labels[: len(found)]
        assert [share for _, share in found] == sorted((share for _, share in found), reverse=True)
        assert f"of {len(whole.head.labels)} classes by softmax" in text(tui, "#words")
        await pilot.press("slash", *labels[0], "enter")
        await until(pilot, lambda: f"class {labels[0]} at vision.4" in text(tui, "#legend"))
        assert "approximate" in text(tui, "#legend")


async def test_it_opens_with_the_evidence_for_a_class() -> None:
    tower = FAMILIES["clip_tower"]()
    made = structs.replace(tower, model=structs.replace(tower.model, family="vit", text_tower=False, classifies=True))
    tui = app(made=made, lens=ChosenLens("evidence", "0"))
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        view = explorer(pilot).state.selection
        assert (view.overlay, view.sought) == ("evidence", "0")
        assert not tui._notifications
        talk = tui._worker
        assert isinstance(talk, FakeWorker)
        assert talk.asked_values == [(view.stage, Evidence("0"))]
        assert f"class 0 at {view.stage}" in text(tui, "#legend")


async def test_evidence_is_refused_for_a_model_without_a_head() -> None:
    tui = app(lens=ChosenLens("evidence", "0"))
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert explorer(pilot).state.selection.overlay == "none"
        assert any("needs a model with a classification head" in one.message for one in tui._notifications)


async def test_a_tower_without_a_head_says_so(warm_session: None, tmp_path: Path) -> None:
    async with opened("dinov2", tmp_path) as (tui, pilot):
        await pilot.press("c")
        await until(pilot, lambda: bool(tui._notifications))
        assert ["need a text tower or a classification head" in n.message for n in tui._notifications] == [True]
        assert "WHOLE IMAGE" not in text(tui, "#words")


async def test_a_model_that_has_words_is_asked_otherwise() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("c")
        assert any("a asks this model" in n.message for n in tui._notifications)
        assert "a ask" in text(tui, "#keys")


@pytest.mark.parametrize(
    ("line", "texts"),
    [
        ("a dog", ("a dog",)),
        (" a dog |a cat|| a dog", ("a dog", "a cat")),
        (" | ", ()),
        ("|".join(map(str, range(20))), tuple(map(str, range(20 - MOST_TEXTS, 20)))),
    ],
)
def test_texts_of_a_line(line: str, texts: tuple[str, ...]) -> None:
    assert parse_texts(line) == texts
