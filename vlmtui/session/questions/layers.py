"""Running the language model over a reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.session import messages as m
from vlmtui.session.talk import Talk

if TYPE_CHECKING:
    from vlmtui.session.engine import Engine


def layers(engine: Engine, request: m.ReadLayers, talk: Talk) -> m.LayersRead:
    """Run a reading through the language model; its layers come first where they are not held."""
    engine.wordy()
    return m.LayersRead(engine.layers_of(request.reading, talk.progress).layers())
