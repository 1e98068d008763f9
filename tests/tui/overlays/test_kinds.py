"""Lenses of a person's own in the explorer, each kind drawn once: overlays, the panel, ways to look at an answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from tests.tui import lenses
from tests.tui.fake import FakeWorker, app
from tests.tui.screens.test_explorer import WIDE, at, dialog, digit, explorer, text
from tests.tui.test_session_worker import until
from vlmtui.errors import UsageError
from vlmtui.lenses.fact_lines import FactLine, fact_lines
from vlmtui.lenses.kinds import Facts, Matrix, Scores, Words
from vlmtui.metrics import METRICS
from vlmtui.tui import export, requests
from vlmtui.tui.actions.key_table import help_rows
from vlmtui.tui.actions.palette import ActionCommands
from vlmtui.tui.app import VlmtuiApp
from vlmtui.tui.dialogs.help import HelpPage
from vlmtui.tui.dialogs.text import TextDialog
from vlmtui.tui.overlays.listing import overlays_of
from vlmtui.tui.state.lens_choice import option_line, options_text, overlays, parse_options
from vlmtui.tui.state.lens_values import STOPPED
from vlmtui.tui.state.subject import REST
from vlmtui.tui.widgets.image_side import ImageSide


@pytest.fixture(autouse=True)
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(requests.DELAYS_S, REST, 0.001)


def talk(tui: VlmtuiApp) -> FakeWorker:
    assert isinstance(tui._worker, FakeWorker)
    return tui._worker


def notified(tui: VlmtuiApp) -> list[tuple[str, str]]:
    return [(one.title, one.message) for one in tui._notifications]


async def panel(pilot: Pilot[int], tui: VlmtuiApp, wanted: str) -> str:
    await until(pilot, lambda: wanted in text(tui, "#facts"))
    return text(tui, "#facts")


async def test_numbers_of_ones_own_lens_are_an_overlay_with_ranks_and_next_highest() -> None:
    tui = app(lens=lenses.through("sharpness"))
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert talk(tui).described == [lenses.source("sharpness")]
        assert explorer(pilot).state.selection.overlay == "sharpness.py"
        assert "sharpness.py at tokens, of floats" in text(tui, "#legend")
        assert "here 784, 20th of 47" in text(tui, "#legend")
        walked = []
        for key in ("n", "n", "N"):
            await pilot.press(key)
            walked.append(at(pilot))
        assert walked == [(5, 7), (5, 6), (5, 7)]
        await pilot.press("left_square_bracket")
        await pilot.pause()
        assert "sharpness.py at vision.4" in text(tui, "#legend")
        # a patch without a number has no colour, and no rank
        await pilot.press(*["up"] * 6, *["left"] * 8, "right")
        assert "here – " in text(tui, "#legend")
        assert not explorer(pilot).query_one("#facts").display
        # it is one of the overlays
        await pilot.press("o")
        assert explorer(pilot).state.selection.overlay == "none"
        passed = []
        while not passed or passed[-1] not in ("none", "sharpness.py"):
            await pilot.press("o")
            passed.append(explorer(pilot).state.selection.overlay)
        assert passed[:3] == ["norms", "words", "segments"]
        assert passed[-1] == "sharpness.py"


async def test_colours_of_ones_own_lens_are_red_green_and_blue() -> None:
    tui = app(lens=lenses.through("hues"))
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert "hues.py at tokens" in text(tui, "#legend")
        assert "here #956a00" in text(tui, "#legend")
        await pilot.press("n")
        assert any("n goes to the highest" in message for _, message in notified(tui))


async def test_words_of_ones_own_lens_stand_on_the_picture_and_beside_it() -> None:
    tui = app(lens=lenses.through("labels"))
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert "labels.py at tokens" in text(tui, "#legend")
        strips = list(explorer(pilot).query("ImageStrip"))
        assert any("big9" in strip.render_line(y).text for strip in strips for y in range(strip.size.height))
        shown = text(tui, "#facts").splitlines()
        assert shown[0].startswith(f"{digit('facts')} LENS  labels.py")
        assert shown[0].rstrip().endswith("words per entry")
        assert shown[1].split()[0] == "big28"
        assert shown[2].split()[0] == "blue"
        await pilot.press("right")
        assert "big29" in text(tui, "#facts")


@pytest.mark.parametrize(("stage", "metrics"), [("tokens", len(METRICS)), ("llm.1", 1)])
async def test_segments_draw_the_words_of_ones_own_lens_after_the_last_metric(stage: str, metrics: int) -> None:
    tui = app(lens=lenses.through("labels"), stage=stage)
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        screen = explorer(pilot)
        screen.action_choose_overlay("segments")
        said = []
        for _ in range(metrics + 3):
            await pilot.pause()
            await pilot.pause()
            said.append(" ".join(text(tui, "#legend").split()))
            drawn = screen.query_one(ImageSide)._drawn
            assert drawn is not None
            assert drawn.segments is not None
            own = {f"big{i}" for i in range(48)} == {one.word for one in drawn.segments.segments}
            assert own == ("top-1 of each patch, labels.py" in said[-1])
            await pilot.press("m")
        assert [("neighbours' vote" in one, "labels" in one) for one in said] == [
            (True, False),
            *[(False, False)] * metrics,
            (False, True),
            (True, False),
        ]


async def test_facts_are_asked_for_one_entry_after_the_other() -> None:
    tui = app(lens=lenses.through("measures"))
    async with tui.run_test(size=WIDE) as pilot:
        shown = await panel(pilot, tui, "none")
        call = lenses.through("measures").source
        assert [(stage, one.lens, entry) for stage, one, entry in talk(tui).asked_singles] == [("tokens", call, 28)]
        lines = [line.split(maxsplit=1) for line in shown.splitlines()[1:6]]
        assert [label for label, _ in lines] == ["contrast", "edges", "sharp", "of", "none"]
        assert [value.strip() for _, value in lines] == ["0.5000", "12,345", "yes", "a [b]roof[/b]U+001B", "–"]
        assert "measures.py at tokens" in text(tui, "#legend")
        await pilot.press("right")
        await until(pilot, lambda: len(talk(tui).asked_singles) == 2)
        await pilot.press("left")
        await panel(pilot, tui, "contrast")
        assert [entry for _, _, entry in talk(tui).asked_singles] == [28, 29]
        # the panel goes with the overlay
        await pilot.press("o")
        await pilot.pause()
        assert not explorer(pilot).query_one("#facts").display
        assert explorer(pilot).query_one("#norms").display


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("depths", ["layer 1    it 3.000, a 1.000", "layer 3    sky 3.000, sea 1.000"]),
        ("weights", ["head 0", "28.00", "head 1", "-28.00"]),
        ("heads", ["shape", "2 layers, 3 heads", "range", "0 to 5.000", "layer 2, head 2", "layer 2, head 1"]),
        ("moods", ["loud", "0.5000", "calm", "0.2500", "sad", "-0.1250"]),
    ],
)
async def test_the_panel_has_every_other_kind(name: str, wanted: list[str]) -> None:
    tui = app(lens=lenses.through(name))
    async with tui.run_test(size=WIDE) as pilot:
        shown = await panel(pilot, tui, wanted[-1])
        places = [shown.index(part) for part in wanted]
        assert places == sorted(places)
        assert f"LENS  {name}.py" in shown


async def test_a_narrow_screen_shows_the_panel_that_comes_and_tab_the_others() -> None:
    tui = app(lens=lenses.through("moods"))
    async with tui.run_test(size=(64, 20)) as pilot:
        await pilot.pause()
        panels = ("facts", "words", "norms", "patch")

        def seen() -> list[str]:
            return [name for name in panels if explorer(pilot).query_one(f"#{name}").display]

        assert "facts" in seen()
        for name in ("norms", "patch", "facts", "words"):
            await pilot.press("tab")
            await pilot.pause()
            assert name in seen()
            assert len(seen()) < len(panels)
        await pilot.press("o")
        await pilot.pause()
        assert "facts" not in seen()


async def test_maps_are_one_more_way_to_look_at_an_answer() -> None:
    tui = app(lens=lenses.through("looks"))
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert explorer(pilot).state.selection.overlay == "none"
        assert ("looks.py", "is for answers: a asks the model a question") in notified(tui)
        await pilot.press("a", "enter")
        await pilot.pause()
        assert "'blue': looks.py" in text(tui, "#legend")
        assert "here 28.0" in text(tui, "#legend")
        await pilot.press("full_stop")
        await pilot.pause()
        assert "'sky': looks.py" in text(tui, "#legend")
        assert "here 19.0" in text(tui, "#legend")
        ways = []
        for _ in range(6):
            await pilot.press("v")
            await pilot.pause()
            ways.append(explorer(pilot).state.selection.of_answer.attribution)
        assert ways == ["none", "attention", "rollout", "gradient", "occlusion", "looks.py"]


async def test_facts_about_an_answer_stand_in_the_panel() -> None:
    tui = app(lens=lenses.through("shares"))
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("a", "enter")
        await pilot.pause()
        assert "contrast" in await panel(pilot, tui, "contrast")
        assert explorer(pilot).query_one("#answer").display
        await pilot.press("v")
        await pilot.pause()
        assert not explorer(pilot).query_one("#facts").display


async def test_its_options_are_typed_and_sent_as_words() -> None:
    tui = app(lens=lenses.through("sharpness"))
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await tui.run_action("screen.do('options')", explorer(pilot))
        await pilot.pause()
        asked = dialog(pilot)
        assert isinstance(asked, TextDialog)
        hint = str(asked.query_one(".dialog-hint", Static).content)
        assert "power=2.0  number, above 0: how strongly" in hint
        assert "mode=fast  fast|exact" in hint
        assert "sizes=1 sizes=2  whole number, may be repeated" in hint
        await pilot.press(*"power=3 colour=red", "enter")
        await pilot.pause()
        assert "there is no option 'colour'" in str(asked.query_one(".dialog-hint", Static).content)
        asked.query_one(Input).value = "sizes=4 power=3 sizes=5"
        await pilot.press("enter")
        await pilot.pause()
        assert talk(tui).asked_values[-1][1].options == (("power", "3"), ("sizes", ("4", "5")))
        assert "sharpness.py (power 3, sizes 4 5) at tokens" in text(tui, "#legend")
        # what is given stands there to be changed
        await tui.run_action("screen.do('options')", explorer(pilot))
        await pilot.pause()
        assert explorer(pilot).query_one(Input).value == "power=3 sizes=4 sizes=5"


async def test_an_option_that_must_be_given_is_asked_for_in_the_legend() -> None:
    tui = app(lens=lenses.through("needy"))
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert "needy.py needs its option level: Ctrl-P, Lens: options" in text(tui, "#legend")
        assert talk(tui).asked_values == []
        await tui.run_action("screen.do('options')", explorer(pilot))
        await pilot.pause()
        await pilot.press(*"level=7", "enter")
        await pilot.pause()
        assert "needy.py (level 7) at tokens" in text(tui, "#legend")


async def test_options_of_the_command_line_are_given() -> None:
    tui = app(lens=lenses.through("sharpness", power="3"))
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert talk(tui).asked_values[0][1].options == (("power", "3"),)


async def test_a_lens_that_fails_says_so_and_is_not_asked_again_there() -> None:
    tui = app(lens=lenses.through("sharpness"))
    talk(tui).no_values = "sharpness.py, line 3: ZeroDivisionError: [b]zero[/b]"
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert "sharpness.py: sharpness.py, line 3: ZeroDivisionError: [b]zero[/b]" in " ".join(
            text(tui, "#legend").split()
        )
        assert ("sharpness.py", talk(tui).no_values) in notified(tui)
        await pilot.press("right", "left")
        await pilot.pause()
        assert len(talk(tui).asked_values) == 1
        talk(tui).no_values = ""
        await pilot.press("left_square_bracket")
        await pilot.pause()
        assert "sharpness.py at vision.4" in text(tui, "#legend")


async def test_a_file_that_is_no_lens_leaves_the_explorer_as_it_is() -> None:
    tui = app(lens=lenses.through("sharpness"))
    talk(tui).no_lens = "--lens ./sharpness.py defines no lens: decorate a function with @lens"
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert "sharpness.py: --lens ./sharpness.py defines no lens" in " ".join(text(tui, "#legend").split())
        assert ("sharpness.py", talk(tui).no_lens) in notified(tui)
        await pilot.press("right", "o")
        await pilot.pause()
        assert "overlay: none" in text(tui, "#legend")


async def test_where_a_lens_does_not_apply_it_is_not_asked() -> None:
    tui = app(lens=lenses.through("late"))
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert "overlay: late.py, which tokens has none of" in text(tui, "#legend")
        await pilot.press("right_square_bracket")
        await pilot.pause()
        assert "late.py at llm.1" in text(tui, "#legend")


@pytest.mark.parametrize("key", ["escape", "ctrl+c"])
async def test_a_lens_that_takes_long_is_withdrawn(key: str) -> None:
    tui = app(lens=lenses.through("sharpness"))
    talk(tui).slow_values = True
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert "sharpness.py at tokens: ... (Esc stops)" in text(tui, "#legend")
        await pilot.press(key, "right")
        await pilot.pause()
        assert talk(tui).left_lens == 1
        assert f"sharpness.py: {STOPPED}" in text(tui, "#legend")
        assert len(talk(tui).asked_values) == 1
        talk(tui).slow_values = False
        explorer(pilot).action_choose_overlay("sharpness.py")
        await pilot.pause()
        assert "sharpness.py at tokens, of floats" in text(tui, "#legend")


async def test_it_stays_with_another_picture_and_a_session_started_again() -> None:
    tui = app(lens=lenses.through("sharpness"))
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("r")
        await pilot.pause()
        assert "sharpness.py at tokens, of floats" in text(tui, "#legend")
        await pilot.press("o")
        talk(tui).begin()
        await pilot.pause()
        # it is known already: nobody is taken away from where they are
        assert explorer(pilot).state.selection.overlay == "none"


async def test_a_report_is_saved_without_it(tmp_path: Path) -> None:
    tui = app(lens=lenses.through("sharpness"))
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        screen = explorer(pilot)
        written = export.save(
            str(tmp_path / "one.csv"), screen.state.results, screen.state.selection, talk(tui).options.query
        )
        assert "sharpness" not in written.read_text()


async def test_overlays_are_in_the_palette_and_in_the_help_with_their_lines() -> None:
    tui = app(lens=lenses.through("sharpness"))
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        there = {name: (help_, run) for name, help_, run, _ in ActionCommands(explorer(pilot)).commands()}
        assert there["Overlay: sharpness.py"][0] == "How peaked a patch is."
        assert there["Overlay: pca"][0].startswith("The first three principal components")
        assert "Overlay: position" in there
        assert "Overlay: evidence" not in there  # this model has no head
        await there["Overlay: pca"][1]()
        await pilot.pause()
        assert "pca of tokens" in text(tui, "#legend")
        await there["Overlay: find"][1]()
        await pilot.pause()
        assert isinstance(dialog(pilot), TextDialog)
        await pilot.press("escape", "question_mark")
        await pilot.pause()
        assert isinstance(dialog(pilot), HelpPage)
        assert [name for name, _ in overlays_of(explorer(pilot).state.results)] == [
            *("none", "norms", "words", "segments"),
            *(one.name for one in overlays(explorer(pilot).state.results.model)),
            "sharpness.py",
        ]


def test_the_keys_name_every_way_and_no_overlay_that_the_model_may_lack() -> None:
    told_of = dict(help_rows())
    # which they are depends on the model
    assert told_of["o  Ctrl-O"] == "next / previous overlay, of those that are listed below"
    assert "evidence" not in " ".join(told_of.values())
    assert told_of["v"] == "attribution: attention, rollout, gradient × input, occlusion map, nothing"


def test_options_of_a_line() -> None:
    sharpness, needy = lenses.LENSES["sharpness"], lenses.LENSES["needy"]
    assert parse_options("", sharpness) == ()
    assert parse_options("mode=exact power=3", sharpness) == (("power", "3"), ("mode", "exact"))
    assert parse_options("sizes=4", sharpness) == (("sizes", "4"),)
    assert options_text((("power", "a b"), ("sizes", ("1", "2")))) == "power='a b' sizes=1 sizes=2"
    assert option_line(needy.options[0]) == "level  whole number, must be given"
    for line, described, said in (
        ("power", sharpness, "power has no value"),
        ("power=1 power=2", sharpness, "give it once"),
        ("mode=slow", sharpness, "one of fast, exact"),
        ("power='3", sharpness, "quotation mark"),
        ("", needy, "level must be given"),
        ("x=1", lenses.LENSES["hues"], "it has none"),
    ):
        with pytest.raises(UsageError, match=said):
            parse_options(line, described)


def test_what_there_is_no_room_for_is_counted() -> None:
    facts = Facts({str(i): i for i in range(5)})
    assert [one.label for one in fact_lines(facts, most=3)] == ["0", "1", "… 3 more"]
    row = Matrix([[1.0, 5.0, 3.0]], ("entry", "layer"))
    assert [one.label for one in fact_lines(row, 0)] == ["layer 1", "layer 2", "layer 3"]
    assert [one.label for one in fact_lines(row, 0, most=2)] == ["layer 2", "… 2 more"]
    assert fact_lines(Scores({"a": 0.5}), None) == [FactLine("a", "0.5000", 1.0)]
    words = Words(ids=[[7, -1]], scores=[[1.0, 0.0]], pieces={7: "▁sky"}, strings={7: "sky"})
    assert [one.label for one in fact_lines(words, 0)] == ["sky"]
    assert fact_lines(words, None) == []
