"""The part of the explorer's talk with the session that is about the model's own answers."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from textual.message import Message

from vlmtui.results.replacement import Replacement
from vlmtui.session.client import SessionClient
from vlmtui.session.protocol import AnswerProgress, Progress
from vlmtui.tui import replies
from vlmtui.tui.state.generation import AttentionOf, GradientOf, LensOf, MaskOf, OcclusionOf, Wanted
from vlmtui.tui.state.stages import TOKENS

_T = TypeVar("_T")


class Inquiry:
    """Asks the model, and asks about what it said. How a session is had, and posted from, is the conversation's."""

    def __init__(self) -> None:
        self.post: Callable[[Message], object] = lambda message: None
        self._client: SessionClient | None = None
        self._turn = 0
        self._slow: Future[Any] | None = None
        self._lens: Future[Any] | None = None

    def answer(self, number: int, reading: str, question: str | None) -> None:
        """Ask the model; greedy."""
        if self._client is not None and self._client.alive:
            self.leave_answer()
            asked = self._client.answer(
                reading,
                question,
                on_progress=self._progressed(replies.AnswerProgressed),
                on_token=self._heard(number),
            )
            self._slow = asked
            self._when(asked, lambda answer: replies.AnswerGiven(number, answer), self._no_answer(number))

    def ablate(self, number: int, reading: str, answer: str, tokens: tuple[int, ...], by: Replacement) -> None:
        """Ask the question of an answer again, without these image tokens."""
        if self._client is not None and self._client.alive:
            self.leave_answer()
            asked = self._client.ablate(
                reading,
                answer,
                tokens,
                by,
                on_progress=self._progressed(replies.AnswerProgressed),
                on_token=self._heard(number),
            )
            self._slow = asked
            self._when(asked, lambda ablation: replies.AblationArrived(number, ablation), self._no_answer(number))

    def look(self, number: int, reading: str, answer: str, wanted: Wanted) -> None:
        """Ask about an answer, or without one for the mask of the reading's prompt."""
        if self._client is not None and self._client.alive:
            slow = isinstance(wanted, OcclusionOf)
            if slow:
                self.leave_answer()
            future = self._about(self._client, reading, answer, wanted)
            if slow:
                self._slow = future
            elif isinstance(wanted, LensOf):
                self._lens = future

            def failed(sentence: str) -> None:
                self.post(replies.FindingFailed(number, wanted, sentence))

            self._when(future, lambda found: replies.FindingArrived(number, wanted, found), failed)

    def _about(self, client: SessionClient, reading: str, answer: str, wanted: Wanted) -> Future[Any]:
        progressed = self._progressed(replies.AnswerProgressed)
        match wanted:
            case AttentionOf(layer, head, rollout):
                return client.attention(
                    reading, answer, layer=layer, head=head, rollout=rollout, on_progress=progressed
                )
            case GradientOf(token):
                return client.gradient(reading, answer, token, on_progress=progressed)
            case OcclusionOf(block):
                return client.occlude(reading, answer, block, on_progress=progressed)
            case MaskOf(layer):
                return client.mask(reading, layer, on_progress=progressed)
            case LensOf(call, entry):
                entries = None if entry is None else (entry,)
                return client.look(reading, TOKENS, call, entries=entries, answer=answer, on_progress=progressed)

    def leave_answer(self) -> None:
        """Withdraw what takes long: an answer, which ends at its next token, or an occlusion map."""
        if self._client is not None and self._slow is not None:
            self._client.cancel(self._slow)
        self._slow = None

    def leave_lens(self) -> None:
        """Withdraw what a lens was asked last, about an answer or about a stage."""
        if self._client is not None and self._lens is not None:
            self._client.cancel(self._lens)
        self._lens = None

    def _heard(self, number: int) -> Callable[[AnswerProgress], None]:
        turn = self._turn

        def heard(said: AnswerProgress) -> None:
            if turn == self._turn:
                self.post(replies.TokenSaid(number, said))

        return heard

    def _no_answer(self, number: int) -> Callable[[str], None]:
        def failed(sentence: str) -> None:
            self.post(replies.AnswerFailed(number, sentence))

        return failed

    # what the conversation does

    def _progressed(self, message: Callable[[str, int, int], Message]) -> Callable[[Progress], None]:
        raise NotImplementedError

    def _when(
        self,
        future: Future[_T],
        message: Callable[[_T], Message],
        failed: Callable[[str], None],
    ) -> None:
        raise NotImplementedError
