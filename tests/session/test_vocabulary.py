"""The vocabulary of every family that has words, against NumPy on the weights as they are on disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoTokenizer

from tests.families import DISTINCT, build
from tests.session.local_engine import Desk, quiet
from vlmtui.errors import CancelledError, UsageError
from vlmtui.lenses import registry
from vlmtui.results.vocabulary import NEAR, VocabularyRows, identical_groups
from vlmtui.session import protocol as m
from vlmtui.session.typed_lenses import vocabulary

# an Mllama's pictures are no tokens among its words
WORDY = [name for name, family in DISTINCT.items() if family.has_tokens]
EMBEDDINGS = (".embed_tokens.weight", ".shared.weight")


def opened(folder: Path) -> Desk:
    desk = Desk()
    desk.load(m.Load(str(folder), device="cpu", dtype="float32"), quiet)
    return desk


def stored(folder: Path) -> tuple[str, np.ndarray]:
    """The embedding matrix as it is on disk, and its name there."""
    ((name, found),) = [
        (key, value) for key, value in load_file(folder / "model.safetensors").items() if f".{key}".endswith(EMBEDDINGS)
    ]
    return name, found.double().numpy()


def near(rows: np.ndarray, x: np.ndarray, metric: str) -> np.ndarray:
    """What the metrics say, the plain way."""
    if metric == "l2":
        return -np.linalg.norm(rows - x, axis=1)
    if metric == "dot":
        return rows @ x
    if metric == "cosine-centred":
        x, rows = x - rows.mean(axis=0), rows - rows.mean(axis=0)
    return rows @ x / np.linalg.norm(rows, axis=1) / np.linalg.norm(x)


@pytest.mark.parametrize("name", WORDY)
def test_every_family_against_its_files(name, tmp_path):
    folder = build(name, tmp_path / name)
    desk = opened(folder)
    found: VocabularyRows = desk.typed(vocabulary.vocabulary(5))
    _, matrix = stored(folder)
    factors = {"gemma3": 48**0.5, "paligemma": 48**0.5, "paligemma2": 48**0.5, "gemma4": 48**0.5}
    scale = (factors | {"granite_docling": 12.0}).get(name, 1.0)
    assert found.scale == pytest.approx(scale, rel=1e-6)
    norms = scale * np.linalg.norm(matrix, axis=1)
    if name == "gemma4":  # it embeds the padding token in the place of an image token that stands in a text
        config = AutoConfig.from_pretrained(folder)
        norms[config.image_token_id] = norms[config.get_text_config().pad_token_id]
    np.testing.assert_allclose(found.norms, norms, rtol=1e-5)
    assert found.tied == (not any("lm_head" in key for key in load_file(folder / "model.safetensors")))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    there = {i for i in tokenizer.get_vocab().values() if i < len(matrix)}
    marked = {i for i, token in tokenizer.added_tokens_decoder.items() if token.special}
    special = there & (set(tokenizer.all_special_ids) | marked)
    assert set(np.flatnonzero(found.of("unnamed")).tolist()) == set(range(len(matrix))) - there
    assert set(np.flatnonzero(found.of("special")).tolist()) == special
    words = np.array(sorted(there - special))
    assert found.of("word").sum() == len(words)
    by_norm = words[np.argsort(found.norms[words], kind="stable")]
    assert found.smallest.tolist() == by_norm[:5].tolist()
    assert found.largest.tolist() == by_norm[::-1][:5].tolist()
    assert all(found.pieces[i] == tokenizer.convert_ids_to_tokens(i) for i in by_norm[:5].tolist())

    ids = tokenizer(" dog", add_special_tokens=False)["input_ids"]
    for metric in NEAR:
        answer = desk.typed(vocabulary.near("dog", metric, 6))
        assert set(answer.of_ids) & set(ids)
        rows = scale * matrix[words]
        each = np.array([near(rows, scale * matrix[i], metric) for i in answer.of_ids])
        together = each.mean(axis=0) if "mean" in answer.note else each.max(axis=0)
        together[np.isin(words, answer.of_ids)] = -np.inf
        order = np.argsort(-together, kind="stable")[:6]
        assert answer.ids.tolist() == words[order].tolist(), metric
        np.testing.assert_allclose(answer.scores, together[order], rtol=1e-5)


def test_a_model_without_words(tmp_path):
    folder = build("mllama", tmp_path / "mllama")
    with pytest.raises(UsageError, match="has no words"):
        opened(folder).typed(vocabulary.vocabulary(5))


@pytest.fixture
def altered(clip_folder, tmp_path) -> tuple[Desk, np.ndarray]:
    """A checkpoint with identical rows, rows of zeros, one that is not finite; and the padding beyond its tokenizer."""
    folder = tmp_path / "altered"
    shutil.copytree(clip_folder, folder)
    weights = load_file(folder / "model.safetensors")
    name, _ = stored(folder)
    matrix = weights[name]
    matrix[[40, 300, 301]] = matrix[20].clone()
    matrix[50] = -0.0
    matrix[51] = 0.0
    matrix[60, 3] = float("inf")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return opened(folder), matrix.double().numpy()


def test_identical_rows_zeros_and_what_is_not_finite(altered):
    desk, matrix = altered
    found: VocabularyRows = desk.typed(vocabulary.vocabulary(4, all_tokens=True))
    expected = [next(j for j in range(i + 1) if np.array_equal(matrix[i], matrix[j])) for i in range(len(matrix))]
    assert found.first.tolist() == expected
    assert [group.tolist() for group in found.identical] == [[20, 40, 300, 301], [50, 51]]
    assert {20, 40, 300, 301, 50, 51} <= set(found.pieces)
    assert found.smallest[:2].tolist() == [50, 51]
    assert not np.isfinite(found.norms[60])
    assert 60 not in {*found.smallest.tolist(), *found.largest.tolist()}
    everything = desk.typed(vocabulary.vocabulary(10_000, all_tokens=True))
    assert len(everything.smallest) == len(matrix) - 1
    unnamed = np.flatnonzero(everything.of("unnamed"))
    assert unnamed.tolist() == list(range(len(matrix) - 13, len(matrix)))
    assert all(everything.pieces[i] is None for i in unnamed.tolist())
    assert set(desk.typed(vocabulary.vocabulary(1, named_all=True)).pieces) == set(range(len(matrix)))


def test_near_a_word_among_all_rows(altered):
    desk, matrix = altered
    answer = desk.typed(vocabulary.near("sky", "dot", 10_000, all_tokens=True))
    assert sorted(answer.ids.tolist()) == sorted(set(range(len(matrix))) - {60, *answer.of_ids})
    assert answer.candidates + answer.left_out == len(matrix)
    cosine = desk.typed(vocabulary.near("sky", "cosine", 10_000))
    assert dict(zip(cosine.ids.tolist(), cosine.scores.tolist(), strict=True))[50] == 0.0


def test_a_word_of_several_pieces_says_so(altered):
    desk, _ = altered
    answer = desk.typed(vocabulary.near("skyscrapers", "cosine", 5))
    assert len(answer.of) > 1
    assert answer.note == f"the word is not a single piece: the mean of its {len(answer.of)} pieces"


def test_what_a_front_end_draws(altered):
    """The kinds of the results have what there is to be drawn; the metrics that can be chosen are those there are."""
    desk, _ = altered
    question = vocabulary.near("sky", "dot", 3)
    words, near = desk.ask(question.body).result, desk.typed(question)
    assert [(words.strings[id_], score) for id_, score in zip(words.ids[0], words.scores[0], strict=True)] == near.words
    assert words.detail[0].tolist() == near.norms.tolist()
    facts, found = desk.ask(vocabulary.vocabulary(3).body).result, desk.typed(vocabulary.vocabulary(3))
    assert dict(facts.rows)["rows"] == found.rows
    assert dict(facts.rows)["groups of identical rows"] == len(found.identical)
    assert dict(facts.rows)["median norm"] == np.median(found.norms[np.isfinite(found.norms)])
    assert {option.name: option.choices for option in registry.find_lens("near").described.options}["metric"] == NEAR


def test_what_cannot_be_asked(altered):
    desk, _ = altered
    with pytest.raises(UsageError, match="at least 1"):
        desk.typed(vocabulary.vocabulary(0))
    with pytest.raises(UsageError, match="type one"):
        desk.typed(vocabulary.near("  ", "l2", 5))
    with pytest.raises(UsageError, match="choose l2, cosine, dot, cosine-centred"):
        desk.typed(vocabulary.near("sky", "omp", 5))
    with pytest.raises(CancelledError):
        desk.typed(vocabulary.near("sky", "l2", 5), should_stop=lambda: True)


def test_groups_are_ordered():
    first = np.array([0, 1, 0, 3, 1, 1, 6, 3])
    assert [group.tolist() for group in identical_groups(first)] == [[1, 4, 5], [0, 2], [3, 7]]
    assert identical_groups(np.arange(4)) == []
