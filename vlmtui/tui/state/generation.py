"""What the model has been asked and has said, and what was found of it: plain data that the panels read.

It knows neither the session nor the screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from vlmtui.geometry import Place
from vlmtui.lenses.lens_source import LensCall
from vlmtui.lenses.lens_text import LensResult
from vlmtui.results.answers import Ablation, Answer, AnswerToken, Attention, AttentionMask, Gradient, Occlusion
from vlmtui.results.replacement import Replacement
from vlmtui.tui.state.lens_choice import attributions
from vlmtui.tui.state.stages import ANSWER, path

if TYPE_CHECKING:
    from vlmtui.tui.state.results import Results

ATTENTION = "attention"
ROLLOUT = "rollout"
GRADIENT = "gradient"
OCCLUSION = "occlusion"
"""Ways of which the explorer has more to say than a map a token: each is asked for as its own type."""
NOTHING = "none"
ATTRIBUTIONS: tuple[str, ...] = (*attributions(), NOTHING)
"""The lenses that look at an answer, by their names, and none of them."""
NAMED = {GRADIENT: "gradient × input", OCCLUSION: "occlusion map", NOTHING: "nothing"}
"""Ways that are called otherwise where there is room for it."""
TIMED = {Attention: "attention", Gradient: "gradient", Occlusion: "occlusion map"}
"""What is timed, on the line of state."""
NO_ANSWER = "there is no answer yet: a asks the model a question"
DESCRIBE = "Describe the image."
MOST_BLOCKS = 100
"""An occlusion map runs the model once a block."""
UNHEARD = AnswerToken(-1, None, None, float("nan"), False)
"""A token that the line left out."""


@dataclass(frozen=True)
class AnswerSelection:
    """How an answer is looked at: which of its tokens (None: all of it), which numbers of the picture.

    `layer` (from 1) and `head` (from 0) are those of the attention, None for all. `mask` is the layer whose attention
    mask is drawn in the place of the picture, None where the picture is seen.
    """

    attribution: str = ATTRIBUTIONS[0]
    token: int | None = 0
    layer: int | None = None
    head: int | None = None
    mask: int | None = None

    def next_attribution(self, own: Sequence[str] = ()) -> AnswerSelection:
        """The next way, round and round; those of a person's `own` lenses come after the built-in ones."""
        there = [*ATTRIBUTIONS[:-1], *own, NOTHING]
        at = there.index(self.attribution) if self.attribution in there else -1
        return replace(self, attribution=there[(at + 1) % len(there)])

    def next_token(self, step: int, many: int) -> AnswerSelection:
        """Another of `many` tokens; before the first and after the last comes the whole answer."""
        at = -1 if self.token is None else self.token
        at = (at + 1 + step) % (many + 1) - 1
        return replace(self, token=None if at < 0 else at)


@dataclass(frozen=True)
class AttentionOf:
    """Attention of one layer or all, one head or all, or rolled out."""

    layer: int | None
    head: int | None
    rollout: bool


@dataclass(frozen=True)
class GradientOf:
    """Gradient × input of one token, or of the whole answer."""

    token: int | None


@dataclass(frozen=True)
class OcclusionOf:
    """An occlusion map in blocks of so many image tokens a side."""

    block: int


@dataclass(frozen=True)
class MaskOf:
    """What may be looked at in a layer."""

    layer: int


@dataclass(frozen=True)
class LensOf:
    """What any other lens makes of an answer; of one `entry` where it is of one at a time."""

    call: LensCall
    entry: int | None = None


Wanted = AttentionOf | GradientOf | OcclusionOf | MaskOf | LensOf
Found = Attention | Gradient | Occlusion | AttentionMask | LensResult


@dataclass
class AblatedGeneration:
    """The question asked again without some image tokens; `text` is what was said so far, `ablation` the outcome."""

    number: int
    tokens: tuple[int, ...]
    by: Replacement
    text: str = ""
    ablation: Ablation | None = None


@dataclass
class Generation:
    """A question and what the model says to it; nothing has been asked while `number` is 0.

    `id` is how the session knows the answer. `answer` is there once it was said to its end; one that was stopped has
    its `tokens` and no more. `found` is what was found of it, `refused` why something cannot be, `latest` the
    attention that came last. `scales` are remembered for `found`.
    """

    question: str = ""
    number: int = 0
    id: str = ""
    tokens: list[AnswerToken] = field(default_factory=list)
    text: str = ""
    speaking: bool = False
    answer: Answer | None = None
    again: AblatedGeneration | None = None
    found: dict[Wanted, Found] = field(default_factory=dict)
    refused: dict[Wanted, str] = field(default_factory=dict)
    latest: Attention | None = None
    scales: dict[Wanted, tuple[float, float]] = field(default_factory=dict)

    @property
    def begun(self) -> bool:
        """Whether there is anything to stand at."""
        return self.number > 0

    @property
    def ready(self) -> bool:
        """Whether it can be asked about: it was said, as far as it was."""
        return self.begun and not self.speaking and bool(self.tokens)

    @property
    def log_prob(self) -> float:
        """Of the whole of what was said."""
        return float(sum(token.log_prob for token in self.tokens))

    def say(self, number: int, token: AnswerToken, text: str, id_: str) -> None:
        """One more token was said, the `number`-th; some before it may not have been told of."""
        self.tokens += [UNHEARD] * (number - 1 - len(self.tokens))
        self.tokens.append(token)
        self.text, self.id = text, id_

    def end(self, answer: Answer) -> None:
        """It was said to its end."""
        self.answer, self.speaking = answer, False
        self.tokens, self.text, self.id = list(answer.tokens), answer.text, answer.id


class AnswerAsking:
    """What has been asked about an answer and not come yet: of each kind the latest, which is all that is answered."""

    def __init__(self) -> None:
        self._asked: dict[type, Wanted] = {}

    def forget(self) -> None:
        """Nothing that was asked will be answered."""
        self._asked.clear()

    @property
    def under_way(self) -> bool:
        """Whether anything is still to come."""
        return bool(self._asked)

    @property
    def occluding(self) -> bool:
        """Whether patches are being taken away, which takes long."""
        return OcclusionOf in self._asked

    def of_answer(self) -> LensOf | None:
        """What a lens of a person's own is asked for, if any is."""
        wanted = self._asked.get(LensOf)
        return wanted if isinstance(wanted, LensOf) else None

    def missing(self, generation: Generation, wanted: Wanted | None) -> bool:
        """Whether to ask for it now."""
        if wanted is None or wanted in generation.found or wanted in generation.refused:
            return False
        return self._asked.get(type(wanted)) != wanted

    def asked(self, wanted: Wanted) -> None:
        """It was asked for."""
        self._asked[type(wanted)] = wanted

    def done(self, wanted: Wanted) -> None:
        """It has come, or will not."""
        if self._asked.get(type(wanted)) == wanted:
            del self._asked[type(wanted)]


def stages_of(results: Results) -> tuple[str, ...]:
    """Every stage that can be stood on now: the answer where there is one."""
    if results.reading is None:
        return ()
    return (*path(results.reading.model), *((ANSWER,) if results.generation.begun else ()))


def block_for(places: Sequence[Place], most: int = MOST_BLOCKS) -> tuple[int, int]:
    """The smallest blocks for an occlusion map of at most so many: tokens a side, and how many there are.

    Tokens without a place are blocks of their own however large the others are.
    """
    side = 1
    while True:
        blocks = {
            (-1, i, 0) if at.grid is None or at.row is None or at.col is None
            else (at.grid, at.row // side, at.col // side)
            for i, at in enumerate(places)
        }  # fmt: skip
        grids = len({at.grid for at in places if at.grid is not None})
        loose = sum(1 for at in places if at.grid is None or at.row is None or at.col is None)
        if len(blocks) <= max(most, grids + loose):
            return side, len(blocks)
        side += 1
