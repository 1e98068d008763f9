"""What a picture's reading can be asked of the model's own answer."""

from __future__ import annotations

from collections.abc import Sequence

from vlmtui.api.arguments import one, patches_of
from vlmtui.api.waiting import result
from vlmtui.errors import UsageError
from vlmtui.lenses.validation import validated
from vlmtui.query.patches import PatchPosition, entries_at
from vlmtui.reading import Reading, check_stage
from vlmtui.results.answers import (
    MAX_NEW_TOKENS,
    Ablation,
    Answer,
    Attention,
    AttentionMask,
    Gradient,
    Occlusion,
    check_question,
)
from vlmtui.results.replacement import Replacement
from vlmtui.session.client import SessionClient


class Asked:
    """A reading in a session: the model asked about its picture, and its answer looked into."""

    def __init__(self, client: SessionClient, data: Reading) -> None:
        self._client = client
        self.data = data

    def ask(
        self,
        question: str | None = None,
        *,
        max_new_tokens: int = MAX_NEW_TOKENS,
        temperature: float | None = None,
        seed: int = 0,
    ) -> Answer:
        """The model's own answer, greedy without a `temperature`; "Describe the image." without a question."""
        if question is not None:
            check_question(one("question", question, str))
        return result(
            self._client,
            self._client.answer(
                self.data.id, question, max_new_tokens=max_new_tokens, temperature=temperature, seed=seed
            ),
        )

    def attention(
        self, answer: Answer, *, layer: int | None = None, head: int | None = None, rollout: bool = False
    ) -> Attention:
        """Where every token of the latest answer looked: weights [answer tokens, image tokens]."""
        of = one("answer", answer, Answer).id
        return result(self._client, self._client.attention(self.data.id, of, layer=layer, head=head, rollout=rollout))

    def gradient(self, answer: Answer, token: int | None = None) -> Gradient:
        """Gradient × input of one token of the latest answer, or of the whole of it, for every image token."""
        return result(self._client, self._client.gradient(self.data.id, one("answer", answer, Answer).id, token))

    def mask(self, layer: int = 1) -> AttentionMask:
        """What each position of prompt and latest answer may look at in a layer, from 1, as the model makes it."""
        return result(self._client, self._client.mask(self.data.id, layer))

    def ablate(self, answer: Answer, patches: Sequence[tuple[int, int]], by: Replacement = "mean") -> Ablation:
        """The question asked again with these patches replaced by their `mean`, `zero` or a `blur`red picture."""
        of = one("answer", answer, Answer).id
        tokens = {entry for row, col in patches_of(patches) for entry in self._entries("tokens", row, col, None)}
        return result(self._client, self._client.ablate(self.data.id, of, tuple(sorted(tokens)), by))

    def occlude(self, answer: Answer, block: int = 1, by: Replacement = "mean") -> Occlusion:
        """Which patches carry the latest answer: each block of `block` × `block` replaced in turn."""
        return result(self._client, self._client.occlude(self.data.id, one("answer", answer, Answer).id, block, by))

    def _entries(self, stage: str, row: int, col: int, grid: int | None) -> tuple[int, ...]:
        check_stage(stage, self.data.model)
        patch = validated(PatchPosition(grid, row, col))
        if min(patch.row, patch.col) < 0:
            raise UsageError(f"there is no row {row} and column {col}: they count from 0")
        return entries_at(self.data, stage, patch)
