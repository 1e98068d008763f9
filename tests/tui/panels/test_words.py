"""Words panel: scripts behind pieces, hub words, lengths that decide the order."""

from __future__ import annotations

import re

import msgspec
import pytest

from tests.tui import readings
from tests.tui.fake import app
from tests.tui.screens.test_explorer import NARROW, WIDE, explorer, text
from vlmtui.display.cells import ELLIPSIS
from vlmtui.display.numbers import format_number
from vlmtui.metrics import METRICS
from vlmtui.tui.panels.words import bar_shares


async def test_the_script_stands_behind_the_piece() -> None:
    # of token 28, which the cursor stands on
    tui = app(pieces={100: "▁небо", 101: "▁sky", 102: "▁سماء", 103: "▁" + "я" * 60})
    async with tui.run_test(size=NARROW) as pilot:
        await pilot.pause()
        shown = text(tui, "#words").split("\n")
        assert shown[1].startswith(" небо Cyrillic ")
        assert shown[2].startswith(" sky  ")
        assert "سماء\u200e Arabic" in shown[3]
        assert "яяя…" in shown[4]
        assert "Cyrillic" not in shown[4]
        widget = tui.screen_stack[1].query_one("#words")
        styles = {segment.text.strip(): segment.style for segment in widget.render_line(1)}
        assert styles["Cyrillic"].color == styles["100"].color != styles["небо"].color


async def test_a_metric_that_orders_by_the_length_of_words_is_told() -> None:
    made = msgspec.structs.replace(readings.reading(6, 8, 96, 64), word_norm=0.1)
    assert (made.length_ratio or 0) > 2
    tui = app(made=made, metric="l2")
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert "× words' length" in text(tui, "#words")
        await pilot.press(*["m"] * (len(METRICS) - METRICS.index("l2")))
        await pilot.pause()
        assert "cosine" in text(tui, "#words").splitlines()[0]
        assert "words' length" not in text(tui, "#words")


@pytest.mark.parametrize("size", [(65, 21), NARROW, (120, 40)])
async def test_lengths_are_told_whole_at_every_size_and_leave_room_for_more(size: tuple[int, int]) -> None:
    made = msgspec.structs.replace(readings.reading(6, 8, 96, 64), word_norm=0.1)
    tui = app(made=made, metric="dot")
    async with tui.run_test(size=size) as pilot:
        await pilot.pause()
        foot = " ".join(text(tui, "#words").splitlines()[-3:])
        assert re.search(r"tokens 1\d× words' length", foot)
        assert ELLIPSIS not in foot
        assert "margin" in foot or size[0] < 120


async def test_hub_words_are_marked_once_all_lists_have_come() -> None:
    tui = app(lists=[["sky", f"one{i}", "the"] if i % 5 else ["sky", f"one{i}", f"two{i}"] for i in range(48)])
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        shown = text(tui, "#words")
        assert "sky°" in shown
        assert "the°" in shown
        assert "one" in shown
        assert not re.search(r"(one|two)\d+°", shown)
        assert "° in most lists" in shown


async def test_hub_words_are_dim_and_no_other_word_is_bold_in_their_stead() -> None:
    tui = app(lists=[["sky", f"one{i}", "the", f"two{i}"] for i in range(48)])
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        panel = tui.screen_stack[1].query_one("#words")
        rows = [panel.render_line(y) for y in range(1, 5)]
        pieces = [next(part for part in row if part.text.strip()) for row in rows]
        assert [part.text.split()[0].strip("‿").rstrip("0123456789") for part in pieces] == [
            "sky°",
            "one",
            "the°",
            "two",
        ]
        assert [bool(part.style and part.style.bold) for part in pieces] == [False] * 4
        colours = [part.style.color for part in pieces if part.style]
        assert colours[0] == colours[2] == panel.roles.style("dim").color
        assert len(set(colours)) == 2


def test_bars_begin_where_noise_ends() -> None:
    scores = [0.5, 0.4, 0.3, 0.1]
    assert bar_shares(scores, floor=0.3) == pytest.approx([1.0, 0.5, 0.0, 0.0])
    assert bar_shares(scores, floor=0.5) == [0.0] * 4
    assert bar_shares([-2.0, 4.0], coefficients=True, floor=0.0) == [0.5, 1.0]


async def test_columns_have_heads() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        for metric, head in (("cosine", "cosine"), ("l2", "l2 distance"), ("omp", "omp coefficient")):
            state = explorer(pilot).state
            while state.selection.metric != metric:
                await pilot.press("m")
                await pilot.pause()
            first, row = text(tui, "#words").splitlines()[:2]
            assert first.rstrip().endswith("id")
            numbers = row.split()
            # the last number of a row ends where its head does
            assert first.index(head) + len(head) == row.rindex(numbers[-2]) + len(numbers[-2])


async def test_spellings_of_a_word_are_one_line_and_the_margin_is_to_the_next_word() -> None:
    spelled = ["sky", "Sky", "SKY", "the", "The", *(f"word{i}" for i in range(8))]
    tui = app(lists=[spelled] * 48)
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        state = explorer(pilot).state
        table = state.results.word_table(state.selection)
        assert table is not None
        margins = [format_number(table.rows[0][0].score - table.rows[0][i].score, 3) for i in (1, 3)]
        shown = text(tui, "#words").splitlines()
        assert [line.split()[:2] for line in shown[1:3]] == [["‿sky°", "×3"], ["‿the°", "×2"]]
        assert "word5" in shown[8]
        assert "word6" not in "".join(shown)  # there are 8 lines
        assert f"margin {margins[1]}" in "".join(shown)
        await pilot.press("F")
        await pilot.pause()
        shown = text(tui, "#words").splitlines()
        assert [line.split()[0] for line in shown[1:6]] == [f"‿{word}°" for word in spelled[:5]]
        assert "×" not in "".join(shown)
        assert f"margin {margins[0]}" in "".join(shown)


@pytest.mark.parametrize(
    ("lists", "metric", "said"),
    [
        ([["sky", "roof", "Roof"], *[["sky", "roof"]] * 47], "cosine", ""),
        ([["sky", "roof"]] * 48, "cosine", "no spellings to fold here"),
        (
            [["sky", "roof"], ["sky", "Sky"], *[["sky", "roof"]] * 46],
            "cosine",
            "no spellings to fold here: 1 other list",
        ),
        ([["sky", "Sky"]] * 48, "omp", "coefficients of omp do not fold"),
    ],
    ids=["folded", "nowhere", "in another list", "of a sum"],
)
async def test_the_key_that_folds_says_where_there_is_nothing_to_fold(
    lists: list[list[str]], metric: str, said: str
) -> None:
    tui = app(lists=lists, metric=metric)
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("home", *["up"] * 6)
        for _ in range(2):
            # folded lists are unfolded first; neither changes anything where there is nothing to fold
            await pilot.press("F")
            await pilot.pause()
            notices = [one.message for one in tui._notifications]
            assert [one.startswith(said) for one in notices] == [True] * bool(said)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_vision_stages_show_their_largest_norms_in_one_layout(size: tuple[int, int]) -> None:
    tui = app(made=readings.reading(24, 24, 96, 64))
    async with tui.run_test(size=size) as pilot:
        await pilot.pause()
        layouts, stages = set(), []
        for _ in range(5):
            await pilot.press("left_square_bracket")
            await pilot.pause()
            stages.append(explorer(pilot).state.selection.stage)
            layouts.add(tuple(explorer(pilot).query_one(name).region for name in ("#words", "#norms", "#patch")))
            assert f"Largest norms of {stages[-1]}" in text(tui, "#words")
            assert text(tui, "#words").count(" ━") >= 3
        assert stages == [f"vision.{i}" for i in (4, 3, 2, 1, 0)]
        assert len(layouts) == 1
