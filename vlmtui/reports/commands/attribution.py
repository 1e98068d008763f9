"""Attributions of an answer: attention, gradient × input, ablation and occlusion.

Computed after the answer, on the same reading; written as JSON, an ablation's comparison of two answers as text too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vlmtui.display.pieces import plain, visible
from vlmtui.errors import UsageError
from vlmtui.query.patches import PatchPosition, entries_at
from vlmtui.reading import Reading
from vlmtui.reports.formats import json
from vlmtui.reports.formats.json import Object
from vlmtui.results.answers import Ablation, Answer, AnswerToken, Attention, Gradient, Occlusion
from vlmtui.results.replacement import Replacement
from vlmtui.session.client import SessionClient
from vlmtui.session.reconnecting import OnProgress


@dataclass(frozen=True)
class AttributionOptions:
    """Which attributions to compute: `ablate` names patches to replace, `occlude` is the side of a block of tokens."""

    attention: bool = False
    gradient: bool = False
    ablate: tuple[PatchPosition, ...] = ()
    occlude: int | None = None
    by: Replacement = "mean"

    @property
    def some(self) -> bool:
        """Whether any attribution is asked for."""
        return self.only_numbers or bool(self.ablate)

    @property
    def only_numbers(self) -> bool:
        """Whether an attribution is asked for that is a number for every patch, and has no text."""
        return self.attention or self.gradient or self.occlude is not None


@dataclass(frozen=True)
class AnswerAttributions:
    """The attributions of one answer; None for those not asked for."""

    attention: Attention | None = None
    gradient: Gradient | None = None
    ablation: Ablation | None = None
    occlusion: Occlusion | None = None


def check_attributions(reading: Reading, options: AttributionOptions) -> None:
    """Raise `UsageError` for an attribution that this reading cannot have, before the model answers."""
    model = reading.model
    if not options.some or model.embeddings is None:  # vision-only models are refused elsewhere
        return
    if model.wordless:
        raise UsageError(f"attribution is not available for answers of {model.name}: {model.wordless}")
    boxes = [reading.places[token].box for token in _ablated(reading, options)] or [at.box for at in reading.places]
    if options.by == "blur" and not any(boxes):
        raise UsageError("these image tokens have no position in the image to blur: choose --by mean or zero")
    longest = max((max(grid.rows, grid.cols) for grid in reading.grids), default=0)
    if options.occlude is not None and longest and options.occlude > longest:
        side = f"the image is at most {longest} tokens a side: choose 1 to {longest}"
        raise UsageError(f"--occlude {options.occlude} is larger than the image; {side}")


def _ablated(reading: Reading, options: AttributionOptions) -> tuple[int, ...]:
    """Indices of the image tokens to replace."""
    return tuple(sorted({entry for patch in options.ablate for entry in entries_at(reading, "tokens", patch)}))


def compute_attributions(
    client: SessionClient, reading: Reading, answer: Answer, options: AttributionOptions, progress: OnProgress
) -> AnswerAttributions:
    """Compute the attributions asked for of a reading's latest answer."""
    attention = gradient = ablation = occlusion = None
    if options.attention:
        attention = client.attention(reading.id, answer.id, on_progress=progress).result()
    if options.gradient:
        gradient = client.gradient(reading.id, answer.id, on_progress=progress).result()
    if options.ablate:
        tokens = _ablated(reading, options)
        ablation = client.ablate(reading.id, answer.id, tokens, options.by, on_progress=progress).result()
    if options.occlude is not None:
        occlusion = client.occlude(reading.id, answer.id, options.occlude, options.by, on_progress=progress).result()
    return AnswerAttributions(attention, gradient, ablation, occlusion)


def token_object(token: AnswerToken, row: int, attributions: AnswerAttributions) -> Object:
    """One token of the answer with its attention."""
    token_fields = _token(token)
    return (
        token_fields
        if attributions.attention is None
        else token_fields | {"attention": attributions.attention.weights[row].tolist()}
    )


def attributions_object(reading: Reading, attributions: AnswerAttributions) -> Object:
    """The attributions as JSON: what they are of, the numbers of every image token, and the answer after ablation."""
    parts: Object = {}
    if (attention := attributions.attention) is not None:
        parts["attention"] = {
            "over": "layers and heads, averaged",
            "layers": attention.layers,
            "heads": attention.heads,
            "sink_rule": attention.rule,
            "sinks": [{"position": sink.position, "piece": sink.piece, "share": sink.share} for sink in attention.sunk],
        }
    if attributions.gradient is not None:
        parts["gradient"] = {"of": "the answer's log-probability"}
    if (ablation := attributions.ablation) is not None:
        parts["ablation"] = {
            "tokens": list(ablation.tokens),
            "by": ablation.by,
            "answer": answer_object(ablation.again),
            "log_probs": ablation.log_probs.tolist(),
            "changes": ablation.changes.tolist(),
        }
    if (occlusion := attributions.occlusion) is not None:
        parts["occlusion"] = {"block": occlusion.block, "by": occlusion.by}
    numbers = _of_patches(attributions)
    if numbers:
        parts["tokens"] = [
            json.place_object(place) | {name: values[i] for name, values in numbers.items()}
            for i, place in enumerate(reading.places)
        ]
    return parts


def _of_patches(attributions: AnswerAttributions) -> dict[str, list[object]]:
    """The numbers of every image token, by field."""
    fields: dict[str, list[object]] = {}
    if attributions.attention is not None:
        fields["sink"] = attributions.attention.sinks.tolist()
    if attributions.gradient is not None:
        fields["gradient"] = attributions.gradient.numbers.tolist()
    if attributions.occlusion is not None:
        fields["drop"] = attributions.occlusion.whole.tolist()
    return fields


def answer_object(answer: Answer, attributions: AnswerAttributions | None = None) -> Object:
    """The JSON object of an answer with its tokens."""
    tokens = answer.tokens
    return {
        "text": answer.text,
        "finished": answer.finished,
        "log_prob": answer.log_prob,
        "tokens": [
            token_object(token, row, attributions) if attributions else _token(token)
            for row, token in enumerate(tokens)
        ],
    }


def _token(token: AnswerToken) -> Object:
    return {name: getattr(token, name) for name in ("id", "piece", "text", "log_prob", "special")}


def ablation_lines(answer: Answer, ablation: Ablation) -> Iterator[str]:
    """The answer after ablation, and the change of each token's log-probability in the first answer, as text."""
    replaced = f"{len(ablation.tokens)} patches" if len(ablation.tokens) != 1 else "1 patch"
    yield f"\nWith {replaced} replaced ({ablation.by}):\n{plain(ablation.again.text)}\n\n"
    yield "Log-probability of the first answer's tokens: before, after replacement, change\n"
    rows = zip(answer.tokens, ablation.log_probs.tolist(), ablation.changes.tolist(), strict=True)
    for token, after, change in rows:
        yield f"  {token.log_prob:z8.3f} {after:z8.3f} {change:+z8.3f}  {visible(token.piece, token.text)}\n"
    total = float(ablation.changes.sum())
    yield f"  {answer.log_prob:z8.3f} {answer.log_prob + total:z8.3f} {total:+z8.3f}  whole answer\n"
