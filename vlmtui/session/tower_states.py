"""States of the vision tower for a reading: after each block, after the projector, and the tower's own final output.

They are kept where the budget allows, and computed again where it does not.
"""

from __future__ import annotations

from torch import Tensor

from vlmtui.errors import UsageError
from vlmtui.models.vision.tower_output import TowerOutput, capture_outputs
from vlmtui.models.vlm import VisionLanguageModel
from vlmtui.session.activations import ActivationCache, CachedReading
from vlmtui.session.request_control import RequestControl


def tower_states(
    model: VisionLanguageModel, readings: ActivationCache, reading: str, stage: int, control: RequestControl
) -> Tensor:
    """The states of `vision.<stage>` [patches, hidden], in the order of `Reading.patch_places`."""
    kept = readings[reading]
    if stage not in kept.vision:
        room = readings.layers_budget

        def wanted(at: int, states: Tensor) -> bool:
            # all stages in one pass where they fit in the budget: the next stage is likely to be asked for too
            nonlocal room
            room -= states.numel() * states.element_size()
            return at == stage or room >= 0

        def progress(done: int, total: int) -> None:
            control.progress("running the vision tower", done, total)

        found = model.tower_states(kept.inputs, wanted, progress)
        if stage not in found:
            raise UsageError(f"the hidden states of {model.name}'s tower cannot be distinguished: choose another stage")
        readings.keep_vision(kept, found)
        return found[stage]
    return kept.vision[stage]


def projected_tokens(
    model: VisionLanguageModel, readings: ActivationCache, reading: str, stage: int, control: RequestControl
) -> Tensor:
    """The image tokens that the projector makes of `vision.<stage>` [tokens, hidden], an early exit."""
    kept = readings[reading]
    if stage not in kept.projected:

        def progress(done: int, total: int) -> None:
            control.progress(f"sending vision.{stage} through the projector", done, total)

        tokens = model.early_exit(kept.inputs, stage, progress)
        assert kept.tokens is not None
        assert tokens.shape == kept.tokens.shape
        readings.keep_projected(kept, stage, tokens)
        return tokens
    return kept.projected[stage]


def tower_output(model: VisionLanguageModel, kept: CachedReading, control: RequestControl) -> TowerOutput:
    """The final output of a tower without a language model."""
    if kept.final is None:
        with capture_outputs(model.family) as found:
            model.encode(kept.inputs, lambda done, total: control.progress("running the vision tower", done, total))
        kept.final = found[0]
    return kept.final
