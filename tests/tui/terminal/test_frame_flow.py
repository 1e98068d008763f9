"""When frames may be sent: one in flight, and none held for a terminal that does not answer."""

from __future__ import annotations

from tests.tui.terminal.test_replies import Clock
from vlmtui.tui.terminal.frame_flow import FIRST_PATIENCE_S, PATIENCE_S, SLOWEST, TRIES, FrameFlow


def test_the_next_frame_waits_for_the_answer() -> None:
    flow = FrameFlow(Clock())
    assert flow.wait() == 0
    flow.sent(100)
    assert flow.wait() > 0
    flow.answered()
    assert flow.wait() == 0
    assert flow.answers
    assert not flow.waits_for_answer


def test_a_terminal_that_never_answers_is_asked_no_more() -> None:
    clock = Clock()
    flow = FrameFlow(clock)
    for _ in range(TRIES):
        assert flow.asks
        flow.sent(100_000)
        clock.now += FIRST_PATIENCE_S
        assert flow.wait() == 0
    assert not flow.asks
    # but where it answers after all, it is asked again
    flow.answered()
    assert flow.asks


def test_a_large_frame_has_the_time_that_a_slow_line_takes() -> None:
    clock = Clock()
    flow = FrameFlow(clock)
    flow.sent(1)
    flow.answered()
    flow.sent(200_000)
    clock.now += 200_000 / SLOWEST
    assert 0 < flow.wait() <= PATIENCE_S


def test_an_answer_that_was_lost_holds_one_frame_alone() -> None:
    clock = Clock()
    flow = FrameFlow(clock)
    flow.sent(1)
    flow.answered()
    flow.sent(1)
    clock.now += PATIENCE_S + 1
    assert flow.wait() == 0
    flow.sent(1)
    flow.answered()
    assert flow.wait() == 0
