"""Lenses that give every entry of a stage a number or a colour."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import torch
from torch import Tensor

from vlmtui import exits
from vlmtui.errors import UsageError
from vlmtui.lenses.find import kernel as phrases
from vlmtui.lenses.kernels.cosine import similarity
from vlmtui.lenses.pca.kernel import Components as Found
from vlmtui.lenses.pca.kernel import components, pooled
from vlmtui.reading import check_stage, llm_layer, of_layers, of_patches, stages, vision_layer
from vlmtui.session import messages as m
from vlmtui.session.arrays import array
from vlmtui.session.questions.anatomy import position_norms
from vlmtui.session.questions.classifying import evidence
from vlmtui.session.questions.matching import matches, patches_near
from vlmtui.session.spelling import spelled
from vlmtui.session.talk import Talk
from vlmtui.session.tower import projected, tower_states
from vlmtui.values import POSITION_STAGE, Components, Evidence, Find, Lens, Position, Similarity, Values

if TYPE_CHECKING:
    from vlmtui.models.model import VisionLanguageModel
    from vlmtui.session.engine import Engine


def values(engine: Engine, request: m.FindValues, talk: Talk) -> m.ValuesFound:
    """What a lens makes of every entry of a stage."""
    started = time.perf_counter()
    model, _ = engine.held()
    check_stage(request.stage, model.info)
    at = _At(engine, request.reading, request.stage, talk)
    found = at.look(request.lens)
    return m.ValuesFound(request.reading, msgspec.structs.replace(found, seconds=time.perf_counter() - started))


def vectors(engine: Engine, request: m.FindVectors, talk: Talk) -> m.VectorsFound:
    """The vectors of all entries of a stage."""
    model, _ = engine.held()
    check_stage(request.stage, model.info)
    states = _At(engine, request.reading, request.stage, talk).states()
    return m.VectorsFound(request.reading, array(states.float()))


@dataclass(frozen=True)
class _At:
    """One stage of one reading."""

    engine: Engine
    reading: str
    stage: str
    talk: Talk

    def look(self, lens: Lens) -> Values:
        """Through this lens."""
        match lens:
            case Similarity(to):
                states = self.states()
                wrong = [entry for entry in to if not 0 <= entry < len(states)]
                if wrong or not to:
                    raise UsageError(f"{self.stage} has {len(states)} entries, from 0: name one of them")
                return self._values(lens, similarity(states, torch.tensor(to)))
            case Components():
                found = self.components()
                return self._values(lens, found.scaled(), explained=tuple(found.explained.tolist()))
            case Find(text):
                model, words = self.engine.held()
                return self._find(lens, text) if words or not matches(model) else self._near(lens, model, text)
            case Evidence(label):
                return self._evidence(lens, self.engine.held()[0], label)
            case Position():
                return self._position(lens)

    def states(self) -> Tensor:
        """The stage's vectors [entries, hidden]."""
        if of_patches(self.stage):
            model, _ = self.engine.held()
            return tower_states(model, self.engine.readings, self.reading, vision_layer(self.stage), self.talk)
        if of_layers(self.stage):
            return self.engine.layers_of(self.reading, self.talk.progress).states(llm_layer(self.stage))
        return self.engine.readings.tokens(self.reading)

    def components(self) -> Found:
        """The stage's principal components, their signs those of the stages before it; kept with the reading."""
        kept = self.engine.readings[self.reading]
        if self.stage not in kept.components:
            earlier = self._scores_before()
            self.talk.check()
            kept.components[self.stage] = components(self.states(), earlier)
        return kept.components[self.stage]

    def _scores_before(self) -> Tensor | None:
        """The components' scores one stage earlier [entries, 3], of this stage's entries; None without such a stage.

        Stages are gone through in the order of the path, whatever is asked for first: the same stage has the same
        colours.
        """
        path = stages(self.engine.held()[0].info)
        at = path.index(self.stage)
        if at == 0:
            return None
        before = _At(self.engine, self.reading, path[at - 1], self.talk)
        if of_patches(before.stage) == of_patches(self.stage):
            return before.components().scores
        kept = self.engine.readings[self.reading]
        into = torch.from_numpy(exits.tokens_of(kept.patch_places, kept.places))
        if not (into != exits.NONE).any():  # tokens of no patch in particular have colours of their own
            return None
        return pooled(before.components().scores, into, len(kept.places))

    def _find(self, lens: Find, text: str) -> Values:
        held = self.engine.wordy()
        spelling = spelled(held.lexicon, text)
        ids = phrases.rows_of(spelling.ids)
        if of_layers(self.stage):
            logits = held.model.head.float32(self.states())
            numbers = phrases.logits_of(logits, ids, spelling.several)
        else:
            vectors = self.projected(held.model) if of_patches(self.stage) else self.states()
            words = held.lexicon.vocabulary.embeddings[ids.to(vectors.device)]
            numbers = (phrases.mean_of if spelling.several else phrases.nearest_of)(vectors, words)
        note = spelling.note
        if of_patches(self.stage):
            numbers = self._on_patches(numbers)
            note = "; ".join(filter(None, (exits.NOTE, note)))
        return self._values(lens, numbers, pieces=spelling.pieces, note=note)

    def _near(self, lens: Find, model: VisionLanguageModel, text: str) -> Values:
        """A text, for a model of two towers."""
        self._check_last(model, "patches are compared with a text")
        model = self.engine.matching(self.talk.progress)
        readings, contrastive = self.engine.readings, model.contrastive
        states = tower_states(model, readings, self.reading, contrastive.patch_stage, self.talk)
        numbers, note = patches_near(contrastive, states, text, self.talk)
        return self._values(lens, numbers, note=note)

    def _evidence(self, lens: Evidence, model: VisionLanguageModel, label: str) -> Values:
        """A class, for a model with a classification head."""
        self._check_last(model, "patches speak for a class")
        numbers, note = evidence(model, self.engine.readings[self.reading], label, self.talk)
        return self._values(lens, numbers, note=note)

    def _position(self, lens: Position) -> Values:
        if self.stage != POSITION_STAGE:
            raise UsageError(f"positions are added before the tower's blocks: choose {POSITION_STAGE}")
        numbers, note = position_norms(self.engine.held()[0], self.engine.readings[self.reading])
        return self._values(lens, numbers, note=note)

    def _check_last(self, model: VisionLanguageModel, what: str) -> None:
        last = f"vision.{model.info.vision_layers}"
        if self.stage != last:
            raise UsageError(f"{what} at the tower's end alone: choose {last}")

    def projected(self, model: VisionLanguageModel) -> Tensor:
        """The tokens that the projector makes of the stage [tokens, hidden], where they are made of patches."""
        readings = self.engine.readings
        wrong = exits.not_of_patches(model.name, readings[self.reading].places, model.family.no_places)
        if wrong:
            raise UsageError(wrong)
        return projected(model, readings, self.reading, vision_layer(self.stage), self.talk)

    def _on_patches(self, numbers: Tensor) -> Tensor:
        """The numbers of tokens [tokens] as those of vision patches [patches], not-a-number for those of no token."""
        kept = self.engine.readings[self.reading]
        into = torch.from_numpy(exits.tokens_of(kept.patch_places, kept.places))
        found = numbers.cpu()[into.clamp(min=0)]
        return found.masked_fill(into == exits.NONE, torch.nan)

    def _values(
        self,
        lens: Lens,
        numbers: Tensor,
        explained: tuple[float, ...] = (),
        pieces: tuple[str, ...] = (),
        note: str = "",
    ) -> Values:
        return Values(
            lens=lens, stage=self.stage, numbers=array(numbers), explained=explained, pieces=pieces, note=note
        )
