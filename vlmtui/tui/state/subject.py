"""Subjects and lenses: by the two of them a result of the session is known. No Textual.

Lenses that give an entry a number, a colour or words are `LensCall`s; those here are the others, each as what it is
asked for with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vlmtui.lenses.lens_source import LensCall
from vlmtui.metrics import WordOrder
from vlmtui.results.replacement import Replacement


@dataclass(frozen=True)
class Subject:
    """What a lens looks at: all entries of a `stage`, or one `entry` of it.

    `answer` is the number of the answer that it is asked about, 0 where it is about none.
    """

    stage: str
    entry: int | None = None
    answer: int = 0


@dataclass(frozen=True)
class WordsLens:
    """The nearest tokens of every image token, in an order: a metric, or at `llm.i` the logits."""

    order: WordOrder


@dataclass(frozen=True)
class LayersLens:
    """The image run through the language model: the norms of its tokens after every layer."""


@dataclass(frozen=True)
class LayerWordsLens:
    """The top-1 of one token after every layer."""


@dataclass(frozen=True)
class PatchLens:
    """What enters the first block for one patch."""


@dataclass(frozen=True)
class NoiseLens:
    """The nearest tokens of noise; a pursuit's depend on their number `k`, which is 0 otherwise."""

    order: WordOrder
    k: int = 0


@dataclass(frozen=True)
class AgreementLens:
    """What several metrics name for one token."""


@dataclass(frozen=True)
class TextsLens:
    """Texts read by the text tower."""

    texts: tuple[str, ...]


@dataclass(frozen=True)
class MatchLens:
    """Zero-shot scores of the image for texts."""

    texts: tuple[str, ...]


@dataclass(frozen=True)
class HeadLens:
    """The classes that the model knows."""


@dataclass(frozen=True)
class ClassesLens:
    """The top classes of the image."""


@dataclass(frozen=True)
class AttentionLens:
    """Attention of one layer (from 1) or of all, of one head (from 0) or of all, or its rollout."""

    layer: int | None
    head: int | None
    rollout: bool


@dataclass(frozen=True)
class GradientLens:
    """Gradient × input of one token of an answer, or of the whole answer."""

    token: int | None


@dataclass(frozen=True)
class OcclusionLens:
    """Occlusion in blocks of so many image tokens a side."""

    block: int


@dataclass(frozen=True)
class MaskLens:
    """The attention mask of a layer, from 1."""

    layer: int


@dataclass(frozen=True)
class GenerateAnswer:
    """An answer to a question, None for a description."""

    question: str | None


@dataclass(frozen=True)
class AblateAnswer:
    """The answer to the same question with image tokens replaced."""

    tokens: tuple[int, ...]
    by: Replacement


AttributionLens = AttentionLens | GradientLens | OcclusionLens | MaskLens
Generating = GenerateAnswer | AblateAnswer
AnyLens = (
    LensCall
    | WordsLens
    | LayersLens
    | LayerWordsLens
    | PatchLens
    | NoiseLens
    | AgreementLens
    | TextsLens
    | MatchLens
    | HeadLens
    | ClassesLens
    | AttributionLens
    | Generating
)
ResultKey = tuple[Subject, AnyLens]
When = Literal["now", "rest", "ahead", "idle"]
NOW: When = "now"
REST: When = "rest"
"""Once the cursor stands still: what costs too much for every patch that it passes."""
AHEAD: When = "ahead"
"""For a stage that nobody looks at yet."""
IDLE: When = "idle"
"""Where nothing else is asked."""

OF_LAYERS: ResultKey = (Subject("llm"), LayersLens())
OF_IMAGE = Subject("image")


@dataclass(frozen=True)
class Need:
    """A result that the screen has use for, and when to ask for it.

    Of words: as many as `k` of all `tokens`, those of the token `near` first, if there is one; where they `fold`, as
    many as fold into k lines.
    """

    subject: Subject
    lens: AnyLens
    when: When = NOW
    tokens: int = 0
    near: int | None = None
    k: int = 0
    fold: bool = False

    @property
    def key(self) -> ResultKey:
        """What its result is known by."""
        return self.subject, self.lens


@dataclass(frozen=True)
class LensRequest:
    """A question to the session: about a reading, and for what is asked about an answer the session's name of it."""

    reading: str
    subject: Subject
    lens: AnyLens
    when: When = NOW
    tokens: tuple[int, ...] = ()
    k: int = 0
    answer_id: str = ""

    @property
    def key(self) -> ResultKey:
        """What its result is known by."""
        return self.subject, self.lens

    @property
    def single(self) -> tuple[int, ...] | None:
        """The entry that it is about, as the session takes it; None for all."""
        return None if self.subject.entry is None else (self.subject.entry,)
