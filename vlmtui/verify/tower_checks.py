"""Checks of vision towers: what `classify` and `match` print, compared with the model's own forward pass."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor

from vlmtui.lenses.kernels.contrastive import cosines
from vlmtui.lenses.kernels.cosine import unit_rows
from vlmtui.models.families.encoder import Encoder
from vlmtui.models.loading.checkpoint import Progress
from vlmtui.models.loading.loader import LoadedModel
from vlmtui.models.loading.processor import Inputs
from vlmtui.models.vision.classifier import has_classifier
from vlmtui.models.vision.dual_encoder import DualEncoder, why_no_text_tower
from vlmtui.models.vision.tower_output import TowerOutput, capture_outputs
from vlmtui.models.vlm import VisionLanguageModel
from vlmtui.verify import check_table as t
from vlmtui.verify import vector_comparison
from vlmtui.verify.check_table import CheckTable
from vlmtui.verify.full_model_checks import judge_weights
from vlmtui.verify.partial_model_checks import PartialModelRecord, relative

TEXTS = ("a photo of a cat", "two dogs on a beach at night, seen from far away", "a red rocket")
_CLASSES = 16  # whose evidence is added up


class TowerChecks:
    """The checks of a tower loaded whole, with its head or its text tower, on the images of the record."""

    def __init__(self, loaded: LoadedModel, record: PartialModelRecord, table: CheckTable, progress: Progress) -> None:
        self._loaded, self._record, self._table, self._progress = loaded, record, table, progress
        self._model = VisionLanguageModel(loaded)
        self._allowed = vector_comparison.rounding(loaded.model.dtype)

    def check(self) -> None:
        """Carry out the checks that apply to this tower."""
        if matches(self._model):
            with self._table.check(t.WEIGHTS):
                judge_weights(self._table, self._record.digests, self._model.family.tower)
        if has_classifier(self._loaded.model, self._model.family):
            with self._table.check(t.CLASS_LOGITS, t.EVIDENCE):
                self._classes()
        if matches(self._model):
            with self._table.check(t.TEXT_TOWER, t.MATCHING):
                self._texts()

    @torch.no_grad()
    def _classes(self) -> None:
        self._progress("comparing class logits", 0, 0)
        classifier, worst, apart, compared = self._model.classifier, 0.0, 0.0, 0
        classes = torch.arange(min(_CLASSES, len(classifier.labels)))
        for inputs, final, own in self._passes():
            theirs = own.logits[0].float()
            ours = classifier.logits(inputs, final)
            worst = max(worst, _difference(ours, theirs))
            compared += len(theirs)
            rest = classifier.rest(final, classes)
            if rest is not None:
                added = classifier.evidence(inputs, final, classes).sum(dim=1) + rest
                apart = max(apart, _difference(added, theirs[: len(classes)]))
        figure = f"{compared:,} logits compared with the model's own: largest difference {relative(worst)}"
        self._table.judged(t.CLASS_LOGITS, worst <= self._allowed, figure, compared)
        if not classifier.exact:
            self._table.not_applicable([t.EVIDENCE])  # of a head that reads the class token no patch has a share
            return
        figure = f"patches' shares and the rest add up to the model's own logits: largest difference {relative(apart)}"
        self._table.judged(t.EVIDENCE, apart <= self._allowed, figure, compared)

    @torch.no_grad()
    def _texts(self) -> None:
        self._progress("comparing texts", 0, 0)
        encoder = self._model.dual_encoder
        ours = encoder.text_vectors(TEXTS).vectors
        worst, apart, compared = 0.0, 0.0, 0
        for inputs, final, _ in self._passes():
            image = encoder.image_vector(final)
            for i in range(len(TEXTS)):
                own = self._own(inputs, encoder, TEXTS[i])
                direction = unit_rows(ours[i : i + 1])
                worst = max(worst, vector_comparison.largest_difference(direction, own.text_embeds.float()))
                logit = cosines(image, ours[i : i + 1]) * encoder.scale + encoder.bias
                difference = (logit - own.logits_per_image.float()).abs().max() / encoder.scale
                apart = max(apart, _of_number(difference))
                compared += 1
        figure = f"{len(TEXTS) if compared else 0} texts, each by itself in the model's own pass: largest difference "
        self._table.judged(t.TEXT_TOWER, worst <= self._allowed, figure + relative(worst), compared)
        figure = f"{compared} logits compared with the model's own: largest difference of cosines {relative(apart)}"
        self._table.judged(t.MATCHING, apart <= self._allowed, figure, compared)

    def _passes(self) -> Any:
        """Of every image its inputs, the tower's output as vlmtui captures it, and the model's own output."""
        for one in self._record.images.values():
            with capture_outputs(self._model.family) as found:
                self._model.encode(one.inputs)
            final: TowerOutput = found[0]
            yield one.inputs, final, None if matches(self._model) else self._run(one.inputs, {})

    def _own(self, inputs: Inputs, encoder: DualEncoder, text: str) -> Any:
        """The model's own output for an image and one text, tokenised as its family was trained.

        `DualEncoder` tokenises in much the same way, and is what is checked: this repeats it on purpose.
        """
        tokenizer = self._loaded.processing.text_tokenizer(self._loaded.name)
        family = self._model.family
        fixed = isinstance(family, Encoder) and family.fixed_length_texts
        limit = min(encoder.limit, int(tokenizer.model_max_length))
        options = {"padding": "max_length", "padding_side": "right"} if fixed else {}
        said = tokenizer([text.lower() if fixed else text], truncation=True, max_length=limit, **options)
        return self._run(inputs, {"input_ids": torch.tensor(said["input_ids"])})

    def _run(self, inputs: Inputs, others: dict[str, Tensor]) -> Any:
        model = self._loaded.model
        accepted = inspect.signature(model.forward).parameters
        given = {key: value.to(self._loaded.device) for key, value in (inputs.pixels | others).items()}
        given["pixel_values"] = given["pixel_values"].to(model.dtype)
        return model(**{key: value for key, value in given.items() if key in accepted})


def matches(model: VisionLanguageModel) -> bool:
    """Whether the model has a text tower."""
    return not why_no_text_tower(model.family)


def _difference(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference, relative to the largest of theirs."""
    return _of_number((ours - theirs).abs().max() / theirs.abs().max().clamp(min=1e-30))


def _of_number(difference: Tensor) -> float:
    """A difference as a number; infinite where one of the two is no number."""
    return float(difference.nan_to_num(nan=torch.inf))
