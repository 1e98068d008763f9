"""Cache of the latest answer about a reading, with its teacher forcing and attention, for the lenses of answers."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from vlmtui.errors import ModelError
from vlmtui.models.decoder.generation import GeneratedToken, GenerationOptions
from vlmtui.models.decoder.teacher_forcing import TeacherForcing
from vlmtui.models.loading.processor import Inputs
from vlmtui.models.vlm import VisionLanguageModel

_MAX_DEVIATION = 1.0
"""By how many nats the log-probabilities of teacher forcing may differ from those of generation, on average."""


@dataclass
class CachedAnswer:
    """An answer, or what was generated of it before the question was withdrawn.

    `saying` are the options of its generation, `said` its tokens, `forced` prompt and answer in one pass. `means`
    float32 [layers, answer tokens, positions] is the attention averaged over its heads, whose number is `among`;
    `heads` is a layer with the attention of each of its heads [heads, answer tokens, positions]; `rolled` is the
    rollout [answer tokens, positions]. All of these are on the CPU, and None until they are needed.
    """

    id: str
    inputs: Inputs
    question: str | None
    saying: GenerationOptions
    said: list[GeneratedToken] = field(default_factory=list)
    forced: TeacherForcing | None = None
    means: Tensor | None = None
    among: int = 0
    heads: tuple[int, Tensor] | None = None
    rolled: Tensor | None = None

    @property
    def ids(self) -> list[int]:
        """The ids of its tokens."""
        return [said.id for said in self.said]

    @property
    def log_probs(self) -> Tensor:
        """The log-probabilities of its tokens when they were generated, float32 [answer tokens]."""
        return torch.tensor([said.log_prob for said in self.said])

    @property
    def prompt(self) -> list[int]:
        """The ids of the prompt's tokens."""
        assert self.inputs.input_ids is not None
        ids: list[int] = self.inputs.input_ids[0].tolist()
        return ids

    def forget(self) -> None:
        """Discard what can be computed again."""
        self.forced, self.means, self.heads, self.rolled = None, None, None, None

    def retold(self, model: VisionLanguageModel) -> TeacherForcing:
        """Teacher forcing: prompt and answer in one pass.

        `ModelError` where its log-probabilities are not those of generation: then the model processes its prompts in
        a way that is not known, and the attention of that pass would be wrong.
        """
        if self.forced is None:
            forced = model.generator.teacher_force(self.inputs, self.ids)
            if float((forced.log_probs() - self.log_probs).abs().mean()) > _MAX_DEVIATION:
                raise ModelError(
                    f"{model.name} processes prompt and answer in a way vlmtui does not support: its answers can "
                    "be read, but not analysed"
                )
            self.forced = forced
        return self.forced
