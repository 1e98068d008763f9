"""Classification head: the class logits of an image, and the evidence of each patch for a class."""

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
    """A model's linear classification head; `UsageError` for a model without one.

    `reads` is the head's input, taken after the tower's final norm (CLIP has none there). `kind` is how logits become
    probabilities: `softmax` over the classes, or `sigmoid` where several classes may apply at once.
    """

    def __init__(self, loaded: LoadedModel, family: Family) -> None:
        config = loaded.config
        reads = family.classifier_reads
        if reads is None or not has_classifier(loaded.model, family):
            raise refusal(loaded.name)
        head: nn.Linear = loaded.model.classifier
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
        """Whether `evidence` and `rest` add up to the logit; otherwise evidence is the head applied to each patch."""
        return self.reads != "class token"

    @torch.no_grad()
    def logits(self, inputs: Inputs, final: TowerOutput) -> Tensor:
        """The logits, float32 [classes]."""
        token, mean = final.states[0, 0], patch_states(self._family, inputs, final).float().mean(dim=0)
        given = {
            "class token": token.float(),
            "mean of the patches": mean,
            "class token and mean of the patches": torch.cat([token.float(), mean]),
        }[self.reads]
        return linear(given, self._head.weight.float(), self._bias())

    @torch.no_grad()
    def evidence(self, inputs: Inputs, final: TowerOutput, classes: Tensor) -> Tensor:
        """The evidence of every patch for some classes (int64 [n]), float32 [n, patches].

        Where the head reads the mean of the patches, this is each patch's share of the logit: the shares and `rest` add
        up to the logit. Where it reads the class token alone, it is the logit for the patch's state in place of the
        class token, which the head was not trained on.
        """
        patches = patch_states(self._family, inputs, final).float()
        weight = self._head.weight[classes.to(self._head.weight.device)].float()
        if self.reads == "class token":
            return weight @ patches.T + self._bias(classes).unsqueeze(1)
        # where the head reads both, the second half of its weight is for the mean
        return weight[:, -patches.shape[1] :] @ patches.T / len(patches)

    @torch.no_grad()
    def rest(self, final: TowerOutput, classes: Tensor) -> Tensor | None:
        """The part of the logits [n] that is no patch's share: bias and class token; None unless `exact`."""
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


def has_classifier(model: Any, family: Family) -> bool:
    """Whether the model of this checkpoint has a classification head that vlmtui can read."""
    return family.classifier_reads is not None and isinstance(getattr(model, "classifier", None), nn.Linear)
