"""The keys at the foot of the screen: those that do something for this model, at this stage."""

from __future__ import annotations

import pytest
from msgspec import structs
from rich.console import Console

from tests.tui import readings
from tests.tui.fake import app
from tests.tui.families import FAMILIES
from tests.tui.panels.test_layer_words import stage
from tests.tui.screens.test_explorer import text
from vlmtui.reading import Reading
from vlmtui.tui.actions.key_table import bar_keys, help_rows
from vlmtui.tui.actions.situation import Situation
from vlmtui.tui.dialogs.help import _table
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import AnswerSelection, Selection
from vlmtui.tui.state.stages import ANSWER
from vlmtui.tui.widgets.path_bar import PathBar

POINTLESS = {"m", "+ -", "a", "/"}


def there(made: Reading, stage: str, **choices: object) -> set[str]:
    known = Results.of(readings.source(readings.picture(96, 64)), readings.picture(96, 64))
    known.take(made)
    return {key for key, _ in bar_keys(Situation(known, Selection(stage=stage, **choices)))}  # type: ignore[arg-type]


def of_family(name: str) -> Reading:
    tower = FAMILIES["clip_tower"]()
    scores = {"text_tower": name == "clip", "classifies": name in ("vit", "clip")}
    return structs.replace(tower, model=structs.replace(tower.model, family=name, **scores))


@pytest.mark.parametrize(("family", "works"), [("some tower", set()), ("vit", {"/", "c"}), ("clip", {"/", "c"})])
def test_a_tower_alone_is_offered_nothing_that_needs_words(family: str, works: set[str]) -> None:
    shown = there(of_family(family), "vision.4")
    assert shown & (POINTLESS | {"c", "e"}) == works
    assert {"o", "[ ]", "?", "q"} <= shown


def test_metrics_and_numbers_of_words_are_offered_where_words_are_seen() -> None:
    made = readings.reading(6, 8)
    assert there(made, "tokens") >= POINTLESS
    assert there(made, "vision.2") & (POINTLESS | {"e"}) == {"a", "/", "e"}
    assert there(made, "vision.2", early_exit=True) >= POINTLESS
    assert there(made, "pixels") & POINTLESS == {"a"}
    assert there(made, "llm.1") & (POINTLESS | {"w"}) == {"a", "/", "+ -", "w"}
    assert "+ -" not in there(made, "llm.1", by_layer=True)
    assert {", .", "x", "K"} <= there(made, ANSWER)


def test_moving_is_offered_where_a_cursor_is_seen() -> None:
    mask = AnswerSelection(mask=1)
    tokens_of_patches, resampled = readings.reading(6, 8), FAMILIES["idefics2"]()
    for made, at, moves in [
        (tokens_of_patches, "vision.2", True),
        (tokens_of_patches, "tokens", True),
        (resampled, "vision.2", False),  # no position of the mask is this patch's
        (resampled, "tokens", True),
    ]:
        place = {"grid": None} if made is resampled and at == "tokens" else {}
        assert ("←↑↓→" in there(made, at, of_answer=mask, **place)) is moves
        assert "←↑↓→" in there(made, at, **place)


def test_tiles_have_their_key_and_what_is_folded_stands_first() -> None:
    assert "t T" in there(FAMILIES["llava_next"](), "tokens")
    assert "t T" not in there(readings.reading(6, 8), "tokens")
    known = Results.of(readings.source(readings.picture(96, 64)), readings.picture(96, 64))
    hidden = Situation(known, Selection(), hidden=((3, "Words"), (5, "Patch")))
    assert bar_keys(hidden)[:2] == [("3", "words"), ("5", "patch")]
    assert bar_keys(hidden, {"panel-5": "F5"})[1] == ("F5", "patch")


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
async def test_the_smallest_screen_shows_the_stage_one_is_at_and_where_help_is(columns: int) -> None:
    tui = app(made=readings.reading(6, 8, llm_layers=12))
    async with tui.run_test(size=(columns, 20)) as pilot:
        await pilot.pause()
        assert not tui.screen_stack[1].query_one("#too-small").display
        assert "? help" in text(tui, "#keys")
        for _ in range(30):
            shown = text(tui, "#path")
            here = stage(pilot)
            assert f" {here.split('.')[-1]} " in shown
            start = next(start for start, _, name in tui.screen_stack[1].query_one(PathBar)._targets if name == here)
            assert shown[start + 1 :].startswith(here.split(".")[-1])
            await pilot.press("right_square_bracket")
        await pilot.press("a", "enter")
        await pilot.pause()
        assert " answer " in text(tui, "#path")
        assert "blue sky" in text(tui, "#answer")
        assert "? help" in text(tui, "#keys")


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        ("", {"m metric", "z Z zoom"}),
        ("/ s k y enter", {"n N in turn", "m metric"}),
        ("o o", {"n N next", "m metric"}),
        ("a w h y enter", {"n N next", "O occlusion", "a ask"}),
        ("right_square_bracket", {"w all layers"}),
        ("right_square_bracket w", {"w this layer"}),
    ],
)
async def test_a_narrow_screen_names_the_keys_that_matter_where_one_is(keys: str, shown: set[str]) -> None:
    tui = app(made=readings.reading(24, 24))
    async with tui.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        for key in keys.split():
            await pilot.press({"/": "slash"}.get(key, key))
            await pilot.pause()
        there = text(tui, "#keys")
        assert all(one in there for one in (*shown, "? help", "q quit")), there


def test_what_a_key_does_never_runs_on_under_the_keys() -> None:
    console, rows = Console(width=60), help_rows()
    lines = ["".join(part.text for part in line) for line in console.render_lines(_table(rows))]
    start = max(len(key) for key, _ in rows) + 2
    meanings = [line[start:] for line in lines]
    assert len(lines) > len(rows)
    assert [line.split("  ")[0] for line in lines if line[:start].strip()] == [key.split("  ")[0] for key, _ in rows]
    assert " ".join(" ".join(meanings).split()) == " ".join(meaning for _, meaning in rows)
