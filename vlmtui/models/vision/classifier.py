"""Models with a classification head: the classes of a picture, and what each of its patches says for a class."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from vlmtui.models.families.base import Family
from vlmtui.models.loading.loader import LoadedModel
from vlmtui.models.loading.processor import Inputs
from vlmtui.models.vision.tower_output import TowerOutput, patch_states
from vlmtui.results.classification import HeadInput, refusal


class Classifier:
    """A model's linear head; `UsageError` for a model without one.

    `reads` is what the head is given, all of it after the tower's final norm (CLIP's has none there), and `kind` how
    its logits become probabilities: `softmax` over the classes, or, where several may be true at once, `sigmoid`.
    """

    def __init__(self, loaded: LoadedModel, family: Family) -> None:
        config = loaded.config
        head = getattr(loaded.model, "classifier", None)
        reads = family.classifier_reads
        if not isinstance(head, nn.Linear) or reads is None:
            raise refusal(loaded.name)
        self.name = loaded.name
        self.reads: HeadInput = reads
        several = getattr(config, "problem_type", None) == "multi_label_classification"
        self.kind: Literal["softmax", "sigmoid"] = "sigmoid" if several else "softmax"
        labels: dict[Any, Any] = getattr(config, "id2label", None) or {}
        self.labels = tuple(str(labels.get(i, i)) for i in range(head.out_features))
        self._head = head
        self._family = family

    @property
    def exact(self) -> bool:
        """Whether `evidence` are parts of the logit, and not only what the head would say of a patch."""
        return self.reads != "class token"

    @torch.no_grad()
    def logits(self, inputs: Inputs, final: TowerOutput) -> Tensor:
        """The logit of every class, float32 [classes]."""
        token, mean = final.states[0, 0], patch_states(self._family, inputs, final).float().mean(dim=0)
        given = {
            "class token": token.float(),
            "mean of the patches": mean,
            "class token and mean of the patches": torch.cat([token.float(), mean]),
        }[self.reads]
        return linear(given, self._head.weight.float(), self._bias())

    @torch.no_grad()
    def evidence(self, inputs: Inputs, final: TowerOutput, classes: Tensor) -> Tensor:
        """What every patch says for some classes (int64 [n]), float32 [n, patches].

        Where the head reads the patches' mean, each patch's share of the logit: their sum and `rest` are the logit.
        Where it reads the class token alone, the logit that the head gives a patch in its place, which it was never
        trained for.
        """
        patches = patch_states(self._family, inputs, final).float()
        weight = self._head.weight[classes.to(self._head.weight.device)].float()
        if self.reads == "class token":
            return weight @ patches.T + self._bias(classes).unsqueeze(1)
        # of a head that reads both, the second half is for the mean
        return weight[:, -patches.shape[1] :] @ patches.T / len(patches)

    @torch.no_grad()
    def rest(self, final: TowerOutput, classes: Tensor) -> Tensor | None:
        """What is in the logits of some classes that no patch's share is: bias, and the class token's part [n]."""
        if not self.exact:
            return None
        if self.reads == "mean of the patches":
            return self._bias(classes)
        token = final.states[0, 0].float()
        weight = self._head.weight[classes.to(self._head.weight.device)].float()
        return weight[:, : len(token)] @ token + self._bias(classes)

    def _bias(self, classes: Tensor | None = None) -> Tensor:
        bias = self._head.bias
        whole = self._head.weight.new_zeros(self._head.out_features).float() if bias is None else bias.float()
        return whole if classes is None else whole[classes.to(whole.device)]
