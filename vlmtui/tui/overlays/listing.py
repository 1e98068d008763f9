"""List of the overlays, each with its help line, for `?` and the command palette."""

from __future__ import annotations

from vlmtui.tui.state.lens_choice import overlays
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import NONE, NORMS, SEGMENTS, WORDS

NO_LENSES = {
    NONE: "The image alone.",
    NORMS: "The L2 norm of every patch or token, with outliers.",
    WORDS: "The top-1 of every token, by the metric.",
    SEGMENTS: "Neighbouring patches with the same word, each word in its colour: local words, or the top-1 (m).",
}
OF_WORDS = (WORDS, SEGMENTS)
"""Those that need words."""


def overlays_of(results: Results) -> tuple[tuple[str, str], ...]:
    """Name and line of each in the order of `o`, and then the lenses of a person's own; of those that look for a word
    the one that suits the model."""
    model = results.model
    plain = [(name, line) for name, line in NO_LENSES.items() if name not in OF_WORDS or not (model and model.wordless)]
    built_in = [(lens.name, lens.line) for lens in overlays(model)]
    own = [(lens.name, lens.described.line) for lens in results.lenses.values()]
    return (*plain, *built_in, *own)
