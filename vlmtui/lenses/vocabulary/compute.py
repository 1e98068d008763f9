"""Vocabulary of a model: the norms of its rows, and the words near a word."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from vlmtui.errors import UsageError
from vlmtui.lenses import Context, Facts, Words
from vlmtui.lenses.arrays import array
from vlmtui.lenses.kernels.nearest_neighbours import rank_with_ties
from vlmtui.lenses.kinds import pack_details
from vlmtui.results.vocabulary import KINDS, Ids, Near, VocabularyRows, WordNeighbours, identical_groups

from .kernel import exact_scores, identical_rows

NAMED_OF_A_GROUP = 8
"""How many rows of each group of identical rows are named."""


def vocabulary_facts(context: Context, all_tokens: bool, named: bool) -> Facts:
    """Kinds and norms of all rows, and the shortest and longest ones; `own` is a `VocabularyRows`.

    With `named`, all rows are named in it.
    """
    model, k = context.model, context.k
    held = model.word_search(k)
    index = held.index
    norms = array(index.vocabulary.norms)
    count = len(norms)
    model.progress("comparing the vocabulary's rows")
    first = array(identical_rows(index.vocabulary.embeddings, model.check))
    kinds = np.full(count, KINDS.index("unnamed"), np.uint8)
    for kind, ids in (("word", index.words.tolist()), ("special", sorted(index.named & index.special))):
        kinds[[i for i in ids if 0 <= i < count]] = KINDS.index(kind)
    ranked = _ranked(norms, array(index.candidates(count, all_tokens)))
    smallest, largest = ranked[:k], ranked[::-1][:k]
    alike = identical_groups(first)
    if named:
        model.progress("naming the vocabulary's rows")
        wanted = np.arange(count)
    else:
        wanted = np.concatenate([smallest, largest, *(group[:NAMED_OF_A_GROUP] for group in alike[:k])])
    names = index.names(wanted)
    added = {int(i) for i in index.tokenizer.added_tokens_decoder}
    found = VocabularyRows(
        norms=norms,
        kinds=kinds,
        first=first,
        smallest=smallest,
        largest=largest,
        pieces=names.pieces,
        texts=names.texts,
        all_tokens=all_tokens,
        hidden=int(index.vocabulary.embeddings.shape[1]),
        added=sum(0 <= i < count for i in added),
        tied=held.model.tied,
        scale=held.model.embedding_scale,
        seconds=0.0,
    )
    return Facts(_facts(found, alike), own=pack_details(found))


def nearest_to_word(context: Context, word: str, metric: Near, all_tokens: bool) -> Words:
    """The words nearest to a word [1, k]: to the nearest of its spellings, or on average to its several pieces.

    `detail` are the norms of their rows; `own` is the rest of a `WordNeighbours`.
    """
    model, k = context.model, context.k
    index = model.word_search(k).index
    whole = index.vocabulary
    count = len(whole.norms)
    spelling = model.find_spelling(word)
    if any(not 0 <= i < count for i in spelling.ids):
        raise UsageError(f"{word!r} has a token without a row in the vocabulary: choose another word")
    of = torch.tensor(spelling.ids)
    searched = index.candidates(count, all_tokens)
    searched = searched[torch.isfinite(whole.norms[searched])]
    vectors = whole.embeddings[of.to(whole.embeddings.device)]
    # the word's own rows count towards the mean for centring, but are not among the words found
    scores = exact_scores(vectors, whole, searched, metric, model.check)
    each = scores.mean(dim=0) if spelling.several else scores.amax(dim=0)
    others = ~torch.isin(searched, of)
    found = rank_with_ties(searched[others].tolist(), each[others].tolist(), k)
    ids: Ids = np.array([id_ for id_, _ in found], np.int64)
    names = index.names(ids)
    near = WordNeighbours(
        word=word,
        metric=metric,
        of=spelling.pieces,
        of_ids=tuple(spelling.ids),
        note=spelling.note,
        ids=ids,
        scores=np.array([score for _, score in found], np.float64),
        norms=array(whole.norms)[ids],
        pieces=names.pieces,
        texts=names.texts,
        special=names.special,
        candidates=int(others.sum()),
        left_out=count - int(others.sum()),
        seconds=0.0,
    )
    return Words(
        near.ids[None],
        near.scores[None],
        near.norms[None],
        pieces=near.pieces,
        strings=near.texts,
        special=near.special,
        note=near.note,
        own=pack_details(_bare(near)),
    )


def _bare(near: WordNeighbours) -> WordNeighbours:
    """Drop the fields that `Words` carries."""
    none = np.zeros(0)
    return msgspec.structs.replace(
        near, ids=none.astype(np.int64), scores=none, norms=none, pieces={}, texts={}, special=frozenset()
    )


def _facts(found: VocabularyRows, alike: list[Ids]) -> list[tuple[str, Any]]:
    finite = found.norms[np.isfinite(found.norms)]
    counts = [(kind, int(found.of(kind).sum())) for kind in KINDS]
    norms = (
        [("median norm", np.median(finite)), ("smallest norm", finite.min()), ("largest norm", finite.max())]
        if len(finite)
        else []
    )
    return [
        ("rows", found.rows),
        ("width", found.hidden),
        *((f"rows: {kind}", many) for kind, many in counts),
        ("added tokens", found.added),
        ("groups of identical rows", len(alike)),
        ("tied to the unembedding", found.tied),
        ("scale", found.scale),
        *norms,
    ]


def _ranked(norms: NDArray[np.float64], ids: Ids) -> Ids:
    """The rows with finite norms, by norm; of equal norms the lower id first."""
    finite = ids[np.isfinite(norms[ids])]
    return np.asarray(finite[np.argsort(norms[finite], kind="stable")])
