"""What the tower put out at its end for a reading: kept since it was read, computed again where it is not."""

from __future__ import annotations

from vlmtui.models.vision.tower_output import TowerOutput, finals
from vlmtui.models.vlm import VisionLanguageModel
from vlmtui.session.activations import Kept
from vlmtui.session.request_progress import Talk


def final_of(model: VisionLanguageModel, kept: Kept, talk: Talk) -> TowerOutput:
    """The final states of a reading of a tower alone."""
    if kept.final is None:
        with finals(model.family) as found:
            model.encode(kept.inputs, lambda done, total: talk.progress("running the vision tower", done, total))
        kept.final = found[0]
    return kept.final
