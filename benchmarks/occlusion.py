"""Cost of an occlusion map on the demo model: several blocks in one pass against one pass a block."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence

import torch

from benchmarks.startup import PHOTO
from vlmtui.display.numbers import format_duration

ROUNDS = 3


def rows() -> Iterator[tuple[str, str, str]]:
    """Occlude every image token of one answer, both ways in turns in one process."""
    from vlmtui.images.image_file import read_source
    from vlmtui.models.decoder.teacher_forcing import TokenReplacement
    from vlmtui.session import protocol as m
    from vlmtui.session.engine import Engine
    from vlmtui.session.image_read import read_image
    from vlmtui.session.request_control import RequestControl

    engine, control = Engine(), RequestControl(lambda *_: None, lambda: False)
    state = engine.state
    state.load(m.Load("demo", device="cpu"), control.progress)
    image = read_source(str(PHOTO))
    reading = read_image(state, m.Read(image.source, image.data, image.sha256, 10**8), control.progress).reading
    engine.answer(m.Generate(reading.id, None, 16), control)
    answered = state.readings[reading.id].answered
    assert answered is not None
    forced = answered.retold(state.full_model(control.progress))
    changes = [TokenReplacement(torch.tensor([i]), "mean") for i in range(len(reading.places))]

    def timed(budget: Sequence[int]) -> tuple[float, torch.Tensor]:
        began = time.perf_counter()
        found = torch.stack(list(forced.log_probs_of(changes, *budget)))
        return time.perf_counter() - began, found

    alone, wide, apart = [], [], 0.0
    for _ in range(ROUNDS):
        (one, theirs), (many, mine) = timed([1]), timed([])
        alone.append(one)
        wide.append(many)
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-4)
        apart = max(apart, float((mine - theirs).abs().max()))
    ratio = statistics.median(one / many for one, many in zip(alone, wide, strict=True))
    took = f"{format_duration(statistics.median(wide))} against {format_duration(statistics.median(alone))}"
    what = f"an occlusion map of {len(changes)} blocks, several in one pass, against one a pass (demo model)"
    yield what, f"{took}: {ratio:.1f} times faster, {apart:.0e} apart at most", ""
