"""Early exit at a vision stage: its states sent through the projector, and the words of each vision patch.

The only words at such a stage are those of the image tokens that the projector makes from it
(`vlmtui.models.vision.early_exit`): a vision patch has the words of the token it goes into, and shares them with the
other patches of that token. Pure functions, used in the session and in its clients.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from vlmtui.geometry import Place
from vlmtui.reading import ModelInfo, Reading, TokenWords

PROJECTOR = "projector"
"""The name of the projector lens for `--lens`."""
NOTE = "projector lens"
NONE = -1


def token_of_patch(patches: Sequence[Place], tokens: Sequence[Place]) -> NDArray[np.int64]:
    """The index of the token that each vision patch goes into, int64 [patches]; `NONE` for a patch without one."""
    into = {(token.grid, patch): i for i, token in enumerate(tokens) for patch in token.patches}
    return np.array([into.get((place.grid, place.patches[0]), NONE) for place in patches], dtype=np.int64)


def early_exit_name(stage: str) -> str:
    """The name of the words of a vision stage, on screen and in reports."""
    return f"projector lens: {stage} → {PROJECTOR}"


def no_exit_in_model(model: ModelInfo) -> str:
    """The message why a model has no early exit, or ""."""
    if model.wordless:
        return f"{model.name} has no words: {model.wordless}"
    return several_stages_reason(model.name) if model.feeds is None else ""


def no_exit_in_reading(reading: Reading) -> str:
    """The message why the vision patches of a reading have no words at an early exit, or ""."""
    model = reading.model
    return no_exit_in_model(model) or no_patches_reason(model.name, reading.places, reading.placeless)


def several_stages_reason(model: str) -> str:
    """The message for a model whose projector reads several vision stages."""
    why = f"the projector of {model} reads several vision stages at once, and no single one can be sent through it"
    return f"{why}: choose the stage tokens"


def no_patches_reason(model: str, tokens: Sequence[Place], placeless: str) -> str:
    """The message for tokens that come from no vision patch in particular, or ""."""
    if any(token.patches for token in tokens):
        return ""
    why = f" ({placeless})" if placeless else ""
    return f"the image tokens of {model} do not come from single vision patches{why}: choose the stage tokens"


def words_of_patches(words: TokenWords, into: NDArray[np.int64], patches: Sequence[int]) -> TokenWords:
    """Convert words of tokens to words of these vision `patches`, which become the `tokens` of the result.

    `into` is the token of every patch, as returned by `token_of_patch`; a patch that goes into no token has no words.
    """
    rows = {int(token): row for row, token in enumerate(words.tokens)}
    at = np.array([rows.get(int(into[patch]), NONE) for patch in patches], dtype=np.int64)
    none = at == NONE

    def spread(values: NDArray[np.generic], empty: float) -> NDArray[np.generic]:
        if not len(values):
            return np.full((len(at), values.shape[1]), empty, values.dtype)
        found = values[at]
        found[none] = empty
        return found

    return msgspec.structs.replace(
        words,
        tokens=np.array(patches, dtype=np.int64),
        ids=spread(words.ids, -1),
        scores=spread(words.scores, np.nan),
        explained=None if words.explained is None else spread(words.explained, np.nan),
    )
