"""Answers for tests of the screen, and what is found of them: every number made from its own position."""

from __future__ import annotations

import numpy as np

from vlmtui.reading import Reading
from vlmtui.results.answers import (
    IMAGE,
    SAID,
    TEXT,
    Ablation,
    Answer,
    AnswerToken,
    Attention,
    AttentionMask,
    AttentionSink,
    Gradient,
    Occlusion,
)
from vlmtui.results.replacement import Replacement
from vlmtui.session.protocol import AnswerProgress
from vlmtui.tui.state.subject import AttentionLens, GradientLens, MaskLens, OcclusionLens


def answer(text: str, question: str, id: str) -> Answer:
    """A word a token, each less likely than the one before, and an end of sequence."""
    words = [*text.split(), "</s>"]
    tokens = tuple(
        AnswerToken(i, word if i == len(words) - 1 else f"▁{word}", word, -0.25 * (i + 1), i == len(words) - 1)
        for i, word in enumerate(words)
    )
    return Answer(id=id, question=question, text=text, tokens=tokens, finished=True, positions=60, seconds=0.5)


def sayings(answer: Answer) -> list[AnswerProgress]:
    """An answer as it is told of, token by token."""
    words = [token.text or "" for token in answer.tokens if not token.special]
    return [AnswerProgress(answer.id, i, token, " ".join(words[:i])) for i, token in enumerate(answer.tokens, 1)]


def ablation(before: Answer, tokens: tuple[int, ...], by: Replacement) -> Ablation:
    """Another answer; the first token a nat less likely for every image token that is gone, the others a bit more."""
    changes = np.full(len(before.tokens), 0.125, np.float32)
    changes[0] = -float(len(tokens))
    log_probs = np.array([token.log_prob for token in before.tokens], np.float32) + changes
    again = answer("grey", before.question, "")
    return Ablation(answer=before.id, tokens=tokens, by=by, again=again, log_probs=log_probs, changes=changes)


def finding(reading: Reading, of: Answer, wanted: object) -> object:
    """Of answer token i image token i is looked at most; the second image token and BOS are sinks."""
    many, said = len(reading.places), len(of.tokens)
    index = np.arange(many, dtype=np.float32)
    if isinstance(wanted, AttentionLens):
        away = np.abs(index[None] - np.arange(said, dtype=np.float32)[:, None])
        layers = reading.model.llm_layers
        weights = 0.4 * (many - away) / (many * many) * (1 if wanted.layer is None else 1 + wanted.layer / layers)
        sinks = index == 1
        sunk = (AttentionSink(0, "<s>", 0.61), AttentionSink(2, None, 0.05))
        return Attention(
            answer=of.id,
            layer=wanted.layer,
            head=wanted.head,
            rollout=wanted.rollout,
            weights=weights.astype(np.float32),
            sinks=sinks,
            sunk=sunk,
            rule="more than 20 times the median",
            layers=layers,
            heads=2,
            seconds=0.01,
        )
    if isinstance(wanted, GradientLens):
        return Gradient(answer=of.id, token=wanted.token, numbers=index - many / 2)
    if isinstance(wanted, OcclusionLens):
        # equal within a block, as the session's are: the number of its first token
        firsts: dict[tuple[int, ...], int] = {}
        side = wanted.block
        keys = [(at.grid or 0, at.row // side, at.col // side) if at.row is not None and at.col is not None else (i,)
                for i, at in enumerate(reading.places)]  # fmt: skip
        index = np.array([firsts.setdefault(key, i) for i, key in enumerate(keys)], np.float32)
        drops = np.stack([index - i for i in range(said)], axis=1)
        return Occlusion(answer=of.id, block=wanted.block, by="mean", drops=drops, blocks=many)
    assert isinstance(wanted, MaskLens)
    kinds = np.array([TEXT] * 2 + [IMAGE] * many + [TEXT] * 3 + [SAID] * said, np.uint8)
    bits = np.packbits(np.tri(len(kinds), dtype=bool), axis=1)
    return AttentionMask(layer=wanted.layer, kinds=kinds, bits=bits, pieces=(None,) * len(kinds), pattern="causal")
