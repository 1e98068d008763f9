"""What can happen to the explorer from outside its keys: posted by the conversation with the session."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image
from textual.message import Message

from vlmtui.image import ImageFile
from vlmtui.lenses.description import LensDescription
from vlmtui.lenses.lens_source import LensCall, LensSource
from vlmtui.lenses.lens_text import LensResult
from vlmtui.reading import LayerNorms, ModelInfo, Reading, TokenLayerWords, TokenWords
from vlmtui.results.classification import ClassificationHead, TopClasses
from vlmtui.results.image_text import ImageTextMatch, TextsRead
from vlmtui.results.noise_baseline import MetricAgreement, NoiseBaseline
from vlmtui.results.patch_embedding import PatchEmbedding
from vlmtui.session.protocol import Status
from vlmtui.tui.state.noise_baseline import NullKey


@dataclass
class PictureOpened(Message):
    """Another picture was fetched and decoded."""

    source: ImageFile
    picture: Image.Image


@dataclass
class ModelLoaded(Message):
    """The session holds a model."""

    model: ModelInfo


@dataclass
class PictureRead(Message):
    """The model has read the picture."""

    reading: Reading


@dataclass
class WordsArrived(Message):
    """Words for some tokens of a reading, at a stage."""

    reading: str
    stage: str
    words: TokenWords


@dataclass
class LayersProgressed(Message):
    """How far the language model's layers have come."""

    doing: str
    done: int = 0
    total: int = 0

    def can_replace(self, message: Message) -> bool:
        """Only the newest progress matters."""
        return isinstance(message, LayersProgressed)


@dataclass
class LayersArrived(Message):
    """The language model has read the picture."""

    layers: LayerNorms


@dataclass
class LayersFailed(Message):
    """The language model's layers could not be had; the sentence is for the person."""

    sentence: str


@dataclass
class LayerWordsArrived(Message):
    """The words of a token of a reading after every layer."""

    reading: str
    words: TokenLayerWords


@dataclass
class ValuesArrived(Message):
    """What a lens made of a stage of a reading, or of one `entry` of it."""

    reading: str
    values: LensResult
    entry: int | None = None


@dataclass
class ValuesFailed(Message):
    """A lens could not be had at a stage of a reading; the sentence is for the person."""

    reading: str
    stage: str
    lens: LensCall
    sentence: str


@dataclass
class LensDescribed(Message):
    """What a lens of one's own is."""

    source: LensSource
    described: LensDescription


@dataclass
class LensFailed(Message):
    """It is none, or cannot be used; the sentence is for the person."""

    source: LensSource
    sentence: str


@dataclass
class TextsArrived(Message):
    """The model has read texts, to be matched with a reading's picture."""

    reading: str
    texts: TextsRead


@dataclass
class MatchArrived(Message):
    """How well the texts read last match it."""

    reading: str
    match: ImageTextMatch


@dataclass
class HeadArrived(Message):
    """Which classes the model of a reading knows."""

    reading: str
    head: ClassificationHead


@dataclass
class ClassesArrived(Message):
    """The first classes of a reading's picture."""

    reading: str
    classes: TopClasses


@dataclass
class NullArrived(Message):
    """The words of noise, to hold those of a reading against: for this stage, order and number of words."""

    reading: str
    key: NullKey
    null: NoiseBaseline


@dataclass
class NullFailed(Message):
    """They could not be had; the sentence is for the person."""

    reading: str
    key: NullKey
    sentence: str


@dataclass
class AgreementArrived(Message):
    """What several metrics name for one token of a reading."""

    reading: str
    agreement: MetricAgreement


@dataclass
class BeliefGaveWay(Message):
    """What was asked because there was nothing else to do will not be answered: something else was asked."""


@dataclass
class PatchArrived(Message):
    """What a patch of a reading is before the tower's first block."""

    reading: str
    anatomy: PatchEmbedding


@dataclass
class PatchFailed(Message):
    """That will not come; the sentence is for the person."""

    reading: str
    patch: int
    sentence: str


@dataclass
class WorkProgressed(Message):
    """What the session does, and how far; "" when it has done it."""

    doing: str
    done: int = 0
    total: int = 0

    def can_replace(self, message: Message) -> bool:
        """Only the newest progress matters."""
        return isinstance(message, WorkProgressed)


@dataclass
class WorkFailed(Message):
    """Something could not be done; the sentence is for the person."""

    what: str
    sentence: str


@dataclass
class StatusArrived(Message):
    """What the session holds."""

    status: Status


@dataclass
class ReadingLost(Message):
    """The session is well, and no longer keeps the reading: words of it cannot be asked for."""

    reason: str


@dataclass
class SessionDied(Message):
    """The session is gone."""

    reason: str
