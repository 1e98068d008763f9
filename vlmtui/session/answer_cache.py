"""The latest answer about a reading, and what was found of it: kept so that it can be asked about."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from vlmtui.errors import ModelError
from vlmtui.models.decoder.generation import GeneratedToken, GenerationOptions
from vlmtui.models.decoder.teacher_forcing import TeacherForcing
from vlmtui.models.loading.processor import Inputs
from vlmtui.models.vlm import VisionLanguageModel

_ASTRAY = 1.0


@dataclass
class CachedAnswer:
    """An answer, or as much of it as was said before it was withdrawn.

    `means` float32 [layers, answer tokens, positions] is the attention averaged over heads, of which there are `among`,
    `heads` that of one layer [heads, answer tokens, positions], `rolled` [answer tokens, positions]; on the CPU, None
    until they are asked for.
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
        """Its tokens."""
        return [said.id for said in self.said]

    @property
    def log_probs(self) -> Tensor:
        """Those of its tokens as they were said, float32 [answer tokens]."""
        return torch.tensor([said.log_prob for said in self.said])

    @property
    def prompt(self) -> list[int]:
        """The ids of the prompt."""
        assert self.inputs.input_ids is not None
        ids: list[int] = self.inputs.input_ids[0].tolist()
        return ids

    def forget(self) -> None:
        """Let go of what can be found again."""
        self.forced, self.means, self.heads, self.rolled = None, None, None, None

    def retold(self, model: VisionLanguageModel) -> TeacherForcing:
        """Prompt and answer in one pass. `ModelError` where that pass does not say what was said token by token:
        then the model goes through its prompts in a way that is not known, and what it looked at would be wrong."""
        if self.forced is None:
            forced = model.generator.teacher_force(self.inputs, self.ids)
            if float((forced.log_probs() - self.log_probs).abs().mean()) > _ASTRAY:
                raise ModelError(
                    f"{model.name} goes through prompt and answer in a way vlmtui does not know: its answers can be "
                    "read, but not looked into"
                )
            self.forced = forced
        return self.forced
