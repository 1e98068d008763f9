"""Early exit from the vision tower: the projector applied to a stage that it was not trained on.

The method is that of the logit lens for language models (nostalgebraist, "interpreting GPT: the logit lens", 2020), and
of Vilas et al. for vision transformers with a classification head ("Analyzing Vision Transformers for Image
Classification in Class Embedding Space", NeurIPS 2023). The remaining layers would have changed what it reads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from vlmtui.errors import UsageError
from vlmtui.models.families.base import Family, Pixels
from vlmtui.models.vision.hidden_states import replace_states, watch_blocks
from vlmtui.reading import vision_layer
from vlmtui.results.early_exit import several_stages_reason

OnBlock = Callable[[int, int], None]


def early_exit_features(family: Family, pixels: Pixels, stage: int, on_block: OnBlock) -> Any:
    """The output of `Family.features` with `vision.<stage>` in place of the stage that feeds the projector.

    Everything between that stage and the image tokens is applied, such as the tower's final norm or the merger's.
    `on_block` receives the number of the tower's blocks that are done and their total. `UsageError` where no single
    stage feeds the projector, or the model has no vocabulary.
    """
    blocks, into = family.blocks, _fed_by(family, pixels)
    caught: list[Tensor] = []

    def seen(at: int, states: Tensor) -> None:
        on_block(at, len(blocks))
        if at == stage:
            caught.append(states.clone())

    with watch_blocks(blocks, seen):
        if stage > into:  # its states are known only after a pass
            family.features(pixels)
        if stage == into:
            return family.features(pixels)
        with replace_states(blocks, into, lambda: caught[0]):
            return family.features(pixels)


def _fed_by(family: Family, pixels: Pixels) -> int:
    """The i of the single vision stage `vision.i` that feeds the projector; proved for a family without tests."""
    if family.wordless:
        raise UsageError(f"{family.name} has no words: {family.wordless}")
    feeds = family.feeds()
    if feeds is None:
        raise UsageError(several_stages_reason(family.name))
    if not (family.known or _reads_only(family, pixels, vision_layer(feeds))):
        why = f"which vision stages the projector of {family.name} reads could not be verified"
        raise UsageError(f"{why}: choose the stage tokens")
    return vision_layer(feeds)


def _reads_only(family: Family, pixels: Pixels, stage: int) -> bool:
    """Whether the image tokens depend on `stage` only: they stay the same if just the states before it change."""
    caught: list[Tensor] = []

    def seen(at: int, states: Tensor) -> None:
        if at in (0, stage):
            caught.append(states.clone())

    if stage == 0:
        return True
    with watch_blocks(family.blocks, seen):
        before = family.flat(family.features(pixels))
    entering, feeding = caught
    noise = torch.randn(entering.shape, generator=torch.Generator().manual_seed(0)).to(entering)
    with (
        replace_states(family.blocks, 0, lambda: entering + noise),
        replace_states(family.blocks, stage, lambda: feeding),
    ):
        after = family.flat(family.features(pixels))
    return torch.equal(before, after)
