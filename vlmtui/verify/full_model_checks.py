"""Checks of the full model: what was read with the partial one is compared with the full model's forward pass."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from vlmtui.models.decoder.full_model import FullModel
from vlmtui.models.decoder.unembedding import encoder_of
from vlmtui.models.loading.checkpoint import Progress
from vlmtui.models.loading.loader import LoadedModel
from vlmtui.models.loading.processor import Inputs
from vlmtui.verify import check_table as t
from vlmtui.verify import vector_comparison
from vlmtui.verify.check_table import CheckTable
from vlmtui.verify.partial_model_checks import ImageRecord, PartialModelRecord, nearest_words, relative

NEED_WHOLE = (t.TOKENS, t.POSITIONS, t.LOGITS, t.WEIGHTS, t.WORDS)


class FullModelChecks:
    """The checks that need the full model, and the record of the partial one."""

    def __init__(self, loaded: LoadedModel, record: PartialModelRecord, table: CheckTable, progress: Progress) -> None:
        self._loaded, self._record, self._table, self._progress = loaded, record, table, progress
        self._received: dict[str, Tensor] = {}

    def check(self) -> None:
        """Carry out the checks that have no result yet."""
        table = self._table
        with table.check(t.WEIGHTS):
            self._weights()
        whole = FullModel(self._loaded)
        if why := whole.without_stream:
            if encoder_of(self._loaded.model) is not None:
                table.not_applicable([t.LOGITS])
            table.unchecked([t.LOGITS], why)
        if table.open(t.LOGITS):
            with table.check(t.LOGITS):
                self._logits(whole)
        if table.open(t.TOKENS):
            with table.check(t.TOKENS):
                self._tokens(whole)
        if table.open(t.POSITIONS):
            with table.check(t.POSITIONS):
                self._positions(whole)
        if table.open(t.WORDS):
            with table.check(t.WORDS):
                self._words(whole)

    def _weights(self) -> None:
        self._progress("comparing weights", 0, 0)
        judge_weights(self._table, self._record.digests, self._loaded.model)

    def _logits(self, whole: FullModel) -> None:
        prompts = [one.inputs for one in self._record.images.values() if one.inputs.input_ids is not None]
        if not prompts:
            self._table.unchecked([t.LOGITS], "without its processor no prompt with an image can be made")
            return
        self._progress("comparing logits", 0, 0)
        states, own = whole.last_layer_and_logits(min(prompts, key=_positions))
        ours = whole.head(states)
        apart = (ours.float() - own.float()).abs().max()
        first = int((ours.argmax(dim=-1) == own.argmax(dim=-1)).sum())
        largest = float(own.float().abs().max())
        same = "bit for bit the model's own"
        if not torch.equal(ours, own):
            same = f"largest difference from the model's own {float(apart):.1e} (the largest logit is {largest:.1f})"
        holds = bool(torch.isfinite(apart)) and float(apart) <= vector_comparison.rounding(own.dtype) * largest
        self._table.judged(
            t.LOGITS,
            holds and first == len(own),
            f"{same}; the same top-1 at {first} of {len(own)} positions",
            len(own),
        )

    def _tokens(self, whole: FullModel) -> None:
        counts, worst, compared = [], 0.0, 0
        for name, one in self._record.images.items():
            if one.tokens is None:
                continue
            self._progress(f"running the full model on a {name} image", 0, 0)
            received = whole.first_layer_input(one.inputs).cpu()
            self._received[name] = received
            compared += max(len(one.tokens), len(received))
            counts.append(_count(len(one.tokens), len(received)))
            worst = max(worst, vector_comparison.largest_difference(one.tokens, received))
        same = "bit for bit the same" if self._equal() else f"largest difference {relative(worst)} of their length"
        self._table.judged(
            t.TOKENS,
            worst
            <= max((vector_comparison.rounding(received.dtype) for received in self._received.values()), default=0.0),
            f"{' + '.join(counts)} tokens of {len(counts)} images as the first decoder layer receives them: {same}",
            compared,
        )

    def _positions(self, whole: FullModel) -> None:
        right = compared = 0
        for name, one in self._record.images.items():
            if one.position_ids is None:
                continue
            self._progress(f"reading the full model's position ids of a {name} image", 0, 0)
            own = whole.position_ids(one.inputs)
            compared += max(len(own), len(one.position_ids))
            if own.shape == one.position_ids.shape:
                right += int((own == one.position_ids).all(dim=1).sum())
        figure = f"{right} of {compared} image tokens have the time, row and column that the decoder is given"
        self._table.judged(t.POSITIONS, right == compared, figure, compared)

    def _equal(self) -> bool:
        images = self._record.images
        return all(torch.equal(got, _tokens_of(images[name])) for name, got in self._received.items())

    def _words(self, whole: FullModel) -> None:
        assert self._record.words is not None
        self._progress("reading the full model's vocabulary", 0, 0)
        embeddings = whole.embeddings()
        alike = total = 0
        for name, received in self._received.items():
            self._progress("comparing words", 0, 0)
            ours = self._record.images[name].words
            assert ours is not None
            theirs = nearest_words(received.to(embeddings.device), embeddings, self._record.words)
            alike += vector_comparison.count_same_words(ours, theirs)
            total += len(ours.ids)
        self._table.judged(
            t.WORDS,
            alike == total,
            f"{alike} of {total} tokens have the full model's words and scores, bit for bit",
            total,
        )


def judge_weights(table: CheckTable, part: Mapping[str, bytes], whole: nn.Module) -> None:
    """Compare the digests of weights that were loaded in part with the weights of the full model, or of its tower."""
    off = vector_comparison.differing_weights(part, vector_comparison.weight_digests(whole))
    named = f"; other: {off[0]}" + (f" and {len(off) - 1} more" if len(off) > 1 else "") if off else ""
    table.judged(
        t.WEIGHTS,
        not off,
        f"{len(part) - len(off)} of {len(part)} parameters and buffers equal those of the full model{named}",
        len(part),
    )


def _count(ours: int, theirs: int) -> str:
    return f"{theirs}" if ours == theirs else f"{ours} where the model has {theirs}"


def _positions(inputs: Inputs) -> int:
    assert inputs.input_ids is not None
    return int(inputs.input_ids.shape[1])


def _tokens_of(one: ImageRecord) -> Tensor:
    assert one.tokens is not None
    return one.tokens
