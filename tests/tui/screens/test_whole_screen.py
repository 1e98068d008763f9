"""The whole screen at 120×40: nothing is cut, nothing is left of what was, no large part is empty."""

from __future__ import annotations

import itertools

import pytest
from textual.pilot import Pilot

from tests.tui.actions.test_answer import ask
from tests.tui.fake import app
from tests.tui.families import FAMILIES
from tests.tui.screens.test_explorer import explorer, text

USUAL = (120, 40)
MOST_EMPTY = 5
"""Rows of an answer's panel that may be empty one after the other: those of an answer that is short."""


def lines(pilot: Pilot[int]) -> list[str]:
    """What is seen, line by line."""
    strips = pilot.app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip) for strip in strips]


async def occluded(pilot: Pilot[int]) -> None:
    await pilot.pause()
    await ask(pilot)
    await pilot.press("O")
    await pilot.pause()
    assert "replaced" in text(pilot.app, "#answer")  # type: ignore[arg-type]


async def test_the_legend_has_its_scale_again_after_the_mask() -> None:
    tui = app()
    async with tui.run_test(size=USUAL) as pilot:
        await occluded(pilot)
        before, screen = text(tui, "#legend"), lines(pilot)
        assert "log-prob lost" in before
        assert " 47.0" in before
        await pilot.press("K")
        await pilot.pause()
        assert "mask, layer 1" in text(tui, "#legend")
        await pilot.press("K")
        await pilot.pause()
        assert text(tui, "#legend") == before
        assert lines(pilot) == screen


async def test_nothing_of_the_occlusion_map_is_said_beside_the_mask() -> None:
    tui = app()
    async with tui.run_test(size=USUAL) as pilot:
        await occluded(pilot)
        before = text(tui, "#answer")
        await pilot.press("K")
        await pilot.pause()
        assert "replaced" not in "\n".join(lines(pilot)[:-1])  # the last one offers keys
        await pilot.press("K")
        await pilot.pause()
        assert text(tui, "#answer") == before


@pytest.mark.parametrize("size", [(110, 30), (110, 40), USUAL, (132, 43)])
async def test_no_large_part_of_the_answer_is_empty_after_ablation(size: tuple[int, int]) -> None:
    tui = app()
    async with tui.run_test(size=size) as pilot:
        await occluded(pilot)
        await pilot.press("space", "right", "space", "x", "enter")
        await pilot.pause()
        assert "without 2 marked tokens" in "\n".join(lines(pilot))
        side = [line.strip() for line in text(tui, "#answer").split("\n")]
        empty = [len(list(run)) for blank, run in itertools.groupby(side, lambda line: not line) if blank]
        assert max(empty) <= MOST_EMPTY, "\n".join(lines(pilot))


@pytest.mark.parametrize("family", ["", "llava_next", "qwen2_vl", "idefics2", "gemma3", "mllama", "clip_tower"])
async def test_no_text_of_the_panels_is_cut(family: str) -> None:
    tui = app(made=FAMILIES[family]() if family else None)
    async with tui.run_test(size=USUAL) as pilot:
        await pilot.pause()
        screen = explorer(pilot)
        for stage in screen.state.results.stages:
            screen.state.at_stage(stage)
            screen.bring_up_to_date()
            await pilot.pause()
            side = [line for name in screen.state.panels.seen for line in text(tui, f"#{name}").split("\n")]
            # a bar of made-up pixels beyond 255 is
            assert not [line for line in side if "…" in line and "━…" not in line], stage
