"""The vocabulary of the model held: its rows' norms, and the words near a word."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import torch

from vlmtui.errors import UsageError
from vlmtui.lenses.arrays import array
from vlmtui.lenses.kernels.search import in_order
from vlmtui.lenses.vocabulary.kernel import identical, scores_of
from vlmtui.session import messages as m
from vlmtui.session.spelling import spelled
from vlmtui.session.talk import Talk
from vlmtui.vocabulary import KINDS, Ids, Nearby, Vocabulary, check_near, groups

if TYPE_CHECKING:
    from vlmtui.session.engine import Engine

NAMED_OF_A_GROUP = 8
"""So many of the rows of a group of identical ones are named."""


def vocabulary(engine: Engine, request: m.FindVocabulary, talk: Talk) -> m.VocabularyFound:
    """What all rows are, and which of them are the shortest and the longest."""
    started = time.perf_counter()
    held = engine.wordy(request.k)
    lexicon, model = held.lexicon, held.model
    norms = array(lexicon.vocabulary.norms)
    rows = len(norms)
    talk.progress("comparing the vocabulary's rows")
    first = array(identical(lexicon.vocabulary.embeddings, talk.check))
    kinds = np.full(rows, KINDS.index("unnamed"), np.uint8)
    for kind, ids in (("word", lexicon.words.tolist()), ("special", sorted(lexicon.named & lexicon.special))):
        kinds[[i for i in ids if 0 <= i < rows]] = KINDS.index(kind)
    ranked = _ranked(norms, array(lexicon.candidates(rows, request.all_tokens)))
    smallest, largest = ranked[: request.k], ranked[::-1][: request.k]
    if request.named:
        talk.progress("naming the vocabulary's rows")
        wanted = np.arange(rows)
    else:
        alike = (group[:NAMED_OF_A_GROUP] for group in groups(first)[: request.k])
        wanted = np.concatenate([smallest, largest, *alike])
    named = lexicon.names(wanted)
    added = {int(i) for i in lexicon.tokenizer.added_tokens_decoder}
    return m.VocabularyFound(
        Vocabulary(
            norms=norms,
            kinds=kinds,
            first=first,
            smallest=smallest,
            largest=largest,
            pieces=named.pieces,
            texts=named.texts,
            all_tokens=request.all_tokens,
            hidden=int(lexicon.vocabulary.embeddings.shape[1]),
            added=sum(0 <= i < rows for i in added),
            tied=model.tied,
            scale=model.embedding_scale,
            seconds=time.perf_counter() - started,
        )
    )


def near(engine: Engine, request: m.FindNear, talk: Talk) -> m.NearFound:
    """The words nearest to a word: to the nearest of its spellings, or to its several pieces in the mean."""
    started = time.perf_counter()
    held = engine.wordy(request.k)
    lexicon, metric = held.lexicon, check_near(request.metric)
    whole = lexicon.vocabulary
    rows = len(whole.norms)
    spelling = spelled(lexicon, request.word)
    if any(not 0 <= i < rows for i in spelling.ids):
        raise UsageError(f"{request.word!r} has a token without a row in the vocabulary: look for another word")
    own = torch.tensor(spelling.ids)
    searched = lexicon.candidates(rows, request.all_tokens)
    searched = searched[torch.isfinite(whole.norms[searched])]
    vectors = whole.embeddings[own.to(whole.embeddings.device)]
    # the word's own rows are part of the vocabulary that is centred, and of no use among the words found
    scores = scores_of(vectors, whole, searched, metric, talk.check)
    each = scores.mean(dim=0) if spelling.several else scores.amax(dim=0)
    others = ~torch.isin(searched, own)
    found = in_order(searched[others].tolist(), each[others].tolist(), request.k)
    ids: Ids = np.array([id_ for id_, _ in found], np.int64)
    named = lexicon.names(ids)
    return m.NearFound(
        Nearby(
            word=request.word,
            metric=metric,
            of=spelling.pieces,
            of_ids=tuple(spelling.ids),
            note=spelling.note,
            ids=ids,
            scores=np.array([score for _, score in found], np.float64),
            norms=array(whole.norms)[ids],
            pieces=named.pieces,
            texts=named.texts,
            special=named.special,
            candidates=int(others.sum()),
            left_out=rows - int(others.sum()),
            seconds=time.perf_counter() - started,
        )
    )


def _ranked(norms: np.ndarray[tuple[int], np.dtype[np.float64]], rows: Ids) -> Ids:
    """Those of the rows whose norm is finite, by it; of equal norms the lower id comes first."""
    finite = rows[np.isfinite(norms[rows])]
    return np.asarray(finite[np.argsort(norms[finite], kind="stable")])
