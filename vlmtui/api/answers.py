"""Answers of the model about an image, and what they depend on: attention, gradient, ablation, occlusion."""

from __future__ import annotations

from collections.abc import Sequence

from vlmtui.api.arguments import check_flag, check_patches, check_type
from vlmtui.api.progress import wait_for
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


class AnswerableReading:
    """A reading in a session about whose image the model can be asked. Most methods are about the latest answer."""

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
        """Ask the model; greedy without a `temperature`, "Describe the image." without a question."""
        if question is not None:
            check_question(check_type("question", question, str))
        return wait_for(
            self._client,
            self._client.answer(
                self.data.id, question, max_new_tokens=max_new_tokens, temperature=temperature, seed=seed
            ),
        )

    def attention(
        self, answer: Answer, *, layer: int | None = None, head: int | None = None, rollout: bool = False
    ) -> Attention:
        """Attention of every token of the latest answer: weights [answer tokens, image tokens].

        Of one `layer`, from 1, and `head`, from 0; the mean over those not given. With `rollout`, attention rollout.
        """
        number = check_type("answer", answer, Answer).id
        asked = self._client.attention(
            self.data.id, number, layer=layer, head=head, rollout=check_flag("rollout", rollout)
        )
        return wait_for(self._client, asked)

    def gradient(self, answer: Answer, token: int | None = None) -> Gradient:
        """Gradient × input of every image token, for one token of the latest answer or for all of it."""
        number = check_type("answer", answer, Answer).id
        return wait_for(self._client, self._client.gradient(self.data.id, number, token))

    def mask(self, layer: int = 1) -> AttentionMask:
        """The attention mask of a layer, from 1, over prompt and latest answer, as the model builds it."""
        return wait_for(self._client, self._client.mask(self.data.id, layer))

    def ablate(self, answer: Answer, patches: Sequence[tuple[int, int]], by: Replacement = "mean") -> Ablation:
        """Ask again with these patches, (row, col) each, replaced by `mean`, `zero` or `blur`."""
        number = check_type("answer", answer, Answer).id
        tokens = {entry for row, col in check_patches(patches) for entry in self._entries("tokens", row, col, None)}
        return wait_for(self._client, self._client.ablate(self.data.id, number, tuple(sorted(tokens)), by))

    def occlude(self, answer: Answer, block: int = 1, by: Replacement = "mean") -> Occlusion:
        """Occlusion: the latest answer's probability with each block of `block` × `block` patches replaced in turn."""
        number = check_type("answer", answer, Answer).id
        return wait_for(self._client, self._client.occlude(self.data.id, number, block, by))

    def _entries(self, stage: str, row: int, col: int, grid: int | None) -> tuple[int, ...]:
        check_stage(stage, self.data.model)
        patch = validated(PatchPosition(grid, row, col))
        if min(patch.row, patch.col) < 0:
            raise UsageError(f"there is no row {row} and column {col}: rows and columns count from 0")
        return entries_at(self.data, stage, patch)
