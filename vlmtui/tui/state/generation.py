"""Generation: a question, and the answer of the model as far as it has come. No Textual."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from vlmtui.geometry import Place
from vlmtui.results.answers import Ablation, Answer, AnswerToken, Attention, empty_note
from vlmtui.results.replacement import Replacement
from vlmtui.tui.state.subject import ResultKey

NO_ANSWER = "there is no answer yet: a asks the model a question"
DESCRIBE = "Describe the image."
MOST_BLOCKS = 100
"""An occlusion map runs the model once a block."""
UNHEARD = AnswerToken(-1, None, None, float("nan"), False)
"""A token that the line left out."""


@dataclass
class AblatedAnswer:
    """The question asked again without some image tokens; `text` is the answer so far, `ablation` the outcome."""

    tokens: tuple[int, ...]
    by: Replacement
    text: str = ""
    ablation: Ablation | None = None


@dataclass
class AnswerGeneration:
    """A question and the answer to it; nothing has been asked while `number` is 0.

    `id` is how the session knows the answer. `answer` is there once it was generated to its end; one that was stopped
    has its `tokens` and no more. `occluding`: an occlusion map is on its way. `latest` is the attention that came last.
    `scales` are those of results about it, so that all its tokens share one.
    """

    question: str = ""
    number: int = 0
    id: str = ""
    tokens: list[AnswerToken] = field(default_factory=list)
    text: str = ""
    speaking: bool = False
    occluding: bool = False
    answer: Answer | None = None
    again: AblatedAnswer | None = None
    latest: Attention | None = None
    scales: dict[ResultKey, tuple[float, float]] = field(default_factory=dict)

    @property
    def begun(self) -> bool:
        """Whether the model has been asked."""
        return self.number > 0

    @property
    def ready(self) -> bool:
        """Whether it can be asked about: it was generated, as far as it was."""
        return self.begun and not self.speaking and bool(self.tokens)

    @property
    def under_way(self) -> bool:
        """Whether the model generates now, the answer or the one without some image tokens."""
        return self.speaking or (self.again is not None and self.again.ablation is None)

    @property
    def log_prob(self) -> float:
        """Of the whole answer."""
        return float(sum(token.log_prob for token in self.tokens))

    @property
    def empty_note(self) -> str:
        """What is shown for an answer that has ended without text, else ""."""
        answer = self.answer
        return empty_note(answer.text, answer.tokens, answer.finished) if answer is not None else ""

    def say(self, number: int, token: AnswerToken, text: str, id_: str) -> None:
        """Take in one more token, the `number`-th; some before it may not have been reported."""
        self.tokens += [UNHEARD] * (number - 1 - len(self.tokens))
        self.tokens.append(token)
        self.text, self.id = text, id_

    def end(self, answer: Answer) -> None:
        """Take in the whole answer."""
        self.answer, self.speaking = answer, False
        self.tokens, self.text, self.id = list(answer.tokens), answer.text, answer.id

    def stop(self) -> None:
        """End what is being generated; the tokens so far stay."""
        self.speaking = False
        if self.again is not None and self.again.ablation is None:
            self.again = None


def blocks_of(places: Sequence[Place], side: int) -> list[tuple[int, int, int]]:
    """The block that each of some tokens lies in, of so many tokens a side: the same for those of one block."""
    return [
        (-1, i, 0) if at.grid is None or at.row is None or at.col is None
        else (at.grid, at.row // side, at.col // side)
        for i, at in enumerate(places)
    ]  # fmt: skip


def block_for(places: Sequence[Place], most: int = MOST_BLOCKS) -> tuple[int, int]:
    """The smallest blocks for an occlusion map of at most so many: tokens a side, and how many there are.

    Tokens without a place are blocks by themselves however large the others are.
    """
    side = 1
    while True:
        blocks = set(blocks_of(places, side))
        grids = len({at.grid for at in places if at.grid is not None})
        loose = sum(1 for at in places if at.grid is None or at.row is None or at.col is None)
        if len(blocks) <= max(most, grids + loose):
            return side, len(blocks)
        side += 1
