"""The words lens against brute force in NumPy float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vlmtui.errors import CancelledError
from vlmtui.lenses.kernels import nearest_neighbours as words
from vlmtui.lenses.kernels.distances import EmbeddingMatrix
from vlmtui.lenses.kernels.nearest_neighbours import TIE, NearestRows, nearest_rows

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
METRICS = ("l2", "cosine", "|cosine|", "cosine-centred", "dot")


def brute(vectors: torch.Tensor, matrix: torch.Tensor, candidates: np.ndarray, metric: str, k: int):
    """Scores of everything, then the contract's order, written without any of the lens's code."""
    x = vectors.double().numpy()
    e = matrix.double().numpy()[candidates]
    with np.errstate(all="ignore"):
        if metric == "l2":
            scores = np.array([-np.sqrt(np.sum((v - e) ** 2, axis=1)) for v in x]).reshape(len(x), len(e))
        else:
            if metric == "cosine-centred":
                centre = np.mean(e, axis=0, keepdims=True)
                x, e = x - centre, e - centre
            scores = np.array([np.sum(v * e, axis=1) for v in x]).reshape(len(x), len(e))
            if "cosine" in metric:
                scale = np.linalg.norm(x, axis=1)[:, None] * np.linalg.norm(e, axis=1)[None]
                scores = np.divide(scores, scale, out=np.zeros_like(scores), where=scale > 0)
            if metric == "|cosine|":
                scores = np.abs(scores)
    ids_out, scores_out = [], []
    for row in scores:
        rest = [(float(s), int(i)) for s, i in zip(row, candidates, strict=True) if np.isfinite(s)]
        rest.sort(key=lambda pair: (-pair[0], pair[1]))
        order = []
        while rest and len(order) < k:
            best = rest[0][0]
            tied = [pair for pair in rest if pair[0] >= best - TIE * abs(best)]
            order += sorted(tied, key=lambda pair: pair[1])
            rest = rest[len(tied) :]
        ids_out.append([i for _, i in order[:k]])
        scores_out.append([s for s, _ in order[:k]])
    return ids_out, scores_out


def check(vectors, matrix, candidates, metric, k, **options) -> NearestRows:
    found = nearest_rows(vectors, EmbeddingMatrix.of(matrix), torch.as_tensor(candidates), metric, k, **options)
    ids, scores = brute(vectors, matrix, np.asarray(candidates), metric, k)
    assert found.ids.tolist() == ids
    np.testing.assert_allclose(found.scores.numpy(), np.array(scores), rtol=1e-10, atol=1e-12)
    return found


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(7)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
def test_equals_brute_force(metric, dtype, generator):
    matrix = torch.randn(1500, 64, generator=generator).to(dtype)
    # image tokens are far longer than text embeddings: rounding errors grow with them
    vectors = (30 * torch.randn(11, 64, generator=generator)).to(dtype)
    check(vectors, matrix, np.arange(1500), metric, 8)
    check(vectors, matrix, np.arange(3, 1500, 2), metric, 5, budget=4096)


@pytest.mark.parametrize("metric", METRICS)
def test_k_beyond_the_candidates(metric, generator):
    matrix = torch.randn(20, 8, generator=generator)
    found = check(torch.randn(3, 8, generator=generator), matrix, np.arange(5, 17), metric, 100)
    assert found.ids.shape == (3, 12)
    empty = nearest_rows(torch.randn(3, 8), EmbeddingMatrix.of(matrix), torch.empty(0, dtype=torch.int64), metric, 4)
    assert empty.ids.shape == (3, 0)


@pytest.mark.parametrize("metric", METRICS)
def test_duplicate_rows_come_by_id(metric, generator):
    matrix = torch.randn(600, 32, generator=generator)
    matrix[100:400] = matrix[500]  # 301 identical rows: more than any shortlist holds
    vectors = torch.cat([matrix[500:501], 3 * torch.randn(4, 32, generator=generator)])
    found = check(vectors, matrix, np.arange(600), metric, 8)
    if metric != "dot":
        assert found.ids[0].tolist() == list(range(100, 108))


@pytest.mark.parametrize("metric", METRICS)
def test_near_ties_come_by_id(metric, generator):
    matrix = torch.randn(300, 32, generator=generator, dtype=torch.float64)
    near = matrix[0] * (1 + 2e-7 * torch.rand(40, 1, generator=generator, dtype=torch.float64))
    matrix[50:90] = near
    check(torch.randn(6, 32, generator=generator, dtype=torch.float64), matrix, np.arange(300), metric, 9)
    single = matrix.float()
    check(single[0:1] * 2, single, np.arange(300), metric, 9)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("spread", [1e-3, 1e-5, 1e-7])
def test_what_float32_cannot_tell_apart(metric, spread, generator):
    # rows so close together that a float32 product orders them wrongly, by more than a tie
    centre = torch.randn(1, 1024, generator=generator)
    matrix = centre + spread * torch.randn(700, 1024, generator=generator)
    vectors = 20 * torch.randn(3, 1024, generator=generator)
    check(vectors, matrix, np.arange(700), metric, 8)


@pytest.mark.parametrize("metric", METRICS)
def test_zero_rows_and_zero_vectors(metric, generator):
    matrix = torch.randn(200, 16, generator=generator)
    matrix[::3] = 0
    vectors = torch.cat([torch.zeros(1, 16), torch.randn(3, 16, generator=generator)])
    found = check(vectors, matrix, np.arange(200), metric, 7)
    if metric == "cosine":
        assert found.scores[0].tolist() == [0.0] * 7
        assert found.ids[0].tolist() == list(range(7))


@pytest.mark.parametrize("metric", METRICS)
def test_a_row_finds_itself(metric, generator):
    matrix = torch.randn(900, 48, generator=generator).to(torch.bfloat16)
    if metric == "dot":
        matrix = torch.nn.functional.normalize(matrix.float(), dim=1)
    found = check(matrix[::97], matrix, np.arange(900), metric, 3)
    assert found.ids[:, 0].tolist() == list(range(0, 900, 97))
    if metric == "l2":
        assert str(found.scores[0, 0].item()) == "0.0"


@pytest.mark.parametrize("metric", METRICS)
def test_rows_that_are_not_finite_never_win(metric, generator):
    matrix = torch.randn(60, 8, generator=generator)
    matrix[3], matrix[7, 2], matrix[9, 0] = torch.nan, torch.inf, -torch.inf
    vectors = torch.randn(4, 8, generator=generator)
    vectors[2, 1] = torch.nan
    found = nearest_rows(vectors, EmbeddingMatrix.of(matrix), torch.arange(60), metric, 60)
    for i in (0, 1, 3):
        assert found.ids[i, 57:].tolist() == [3, 7, 9]
        assert found.scores[i, 57:].isnan().all()
        assert found.scores[i, :57].isfinite().all()
    assert found.scores[2].isnan().all()
    assert found.ids[2].tolist() == [-1] * 60


@pytest.mark.parametrize("metric", METRICS)
def test_extreme_sizes(metric, generator):
    matrix = torch.randn(400, 16, generator=generator)
    matrix[:50] *= 1e-22
    matrix[50:100] *= 1e25
    matrix[100:150] *= 1e-41  # below float32's normal numbers
    vectors = torch.randn(5, 16, generator=generator)
    vectors[1] *= 1e20
    vectors[2] *= 1e-30
    check(vectors, matrix, np.arange(400), metric, 6)


def test_cancelling_is_looked_at_between_blocks(generator):
    asked = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 3

    vocabulary = EmbeddingMatrix.of(torch.randn(5000, 16, generator=generator))
    with pytest.raises(CancelledError):
        nearest_rows(torch.randn(4, 16), vocabulary, torch.arange(5000), "l2", 3, should_stop=stop, budget=1 << 16)
    assert len(asked) == 4


@pytest.mark.parametrize("metric", METRICS)
def test_many_rows_of_one_vector_are_gathered_within_the_budget(metric, generator, monkeypatch):
    gathered, measure_for = [], words.measure_for

    def watched(*given):
        measure = measure_for(*given)
        scores = type(measure).scores

        def recorded(self, vectors, near, *others):
            gathered.append(near.numel() * near.element_size())
            return scores(self, vectors, near, *others)

        monkeypatch.setattr(type(measure), "scores", recorded)
        return measure

    monkeypatch.setattr(words, "measure_for", watched)
    matrix, vectors = torch.randn(700, 64, generator=generator), torch.randn(2, 64, generator=generator)
    check(vectors, matrix, np.arange(700), metric, 500, budget=1 << 16)
    assert 0 < max(gathered) <= 1 << 16


@pytest.mark.parametrize("metric", METRICS)
def test_tokens_by_vocabulary_never_exists(metric, generator):
    # one such matrix would be 600 × 20000 × 4 bytes = 48 MB
    matrix = torch.randn(20000, 8, generator=generator)
    vectors = torch.randn(600, 8, generator=generator)
    vocabulary = EmbeddingMatrix.of(matrix)
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            nonlocal largest
            out = func(*args, **(kwargs or {}))
            for one in out if isinstance(out, tuple | list) else (out,):
                if isinstance(one, torch.Tensor):
                    largest = max(largest, one.untyped_storage().nbytes())
            return out

    with Watch():
        nearest_rows(vectors, vocabulary, torch.arange(20000), metric, 8, budget=4 << 20)
    assert largest <= 8 << 20


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_gpu)])
@pytest.mark.parametrize("rows", [1, 3, 200])
def test_bfloat16_products_are_summed_in_float32(device, rows, generator):
    """What the bounds of a bfloat16 sweep rest on; of numbers all positive a bfloat16 sum is off by far more."""
    matrix = torch.rand(300, 4096, generator=generator).to(torch.bfloat16).to(device)
    x = torch.rand(rows, 4096, generator=generator).to(torch.bfloat16).to(device)
    exact = x.double() @ matrix.double().T
    made = torch.mm(x, matrix.T, out_dtype=torch.float32) if device == "cuda" else x @ matrix.T
    share = 0 if device == "cuda" else 2.0**-8
    assert ((made.double() - exact).abs() <= share * made.double().abs() + 4120 * 2.0**-24 * exact).all()


@pytest.mark.parametrize("metric", METRICS)
def test_whole_bfloat16_sweeps_are_proved_too(metric, generator, monkeypatch):
    """Also where this CPU would not choose them: a slow product has the same bounds."""
    monkeypatch.setattr("vlmtui.lenses.kernels.nearest_neighbours.fast_in_bfloat16", lambda device: True)
    matrix = (0.02 * torch.randn(3000, 256, generator=generator)).to(torch.bfloat16)
    matrix[100:140] = matrix[200]
    vectors = torch.cat([matrix[200:201], 30 * torch.randn(5, 256, generator=generator).to(torch.bfloat16)])
    check(vectors, matrix, np.arange(3000), metric, 8)
    check(vectors.float() + 1e-4, matrix, np.arange(3000), metric, 8)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_weights_may_be_rounded_for_the_sweep(metric, dtype, generator, monkeypatch):
    """What rounding loses is in the bounds: rows that differ by less than bfloat16 can tell come in their order."""
    swept = []
    sweep = words._Search._sweep

    def watch(self, vectors, dtype, keep):
        swept.append((dtype, len(vectors)))
        return sweep(self, vectors, dtype, keep)

    monkeypatch.setattr(words, "fast_in_bfloat16", lambda device: True)
    monkeypatch.setattr(words, "_WORTH_ROUNDING", 6)
    monkeypatch.setattr(words._Search, "_sweep", watch)
    matrix = 0.5 * torch.randn(600, 64, generator=generator)
    matrix[50:90] = matrix[7] * (1 + 1e-3 * torch.randn(40, 64, generator=generator))
    matrix[100] = 0
    matrix = matrix.to(dtype)
    vectors = torch.cat([torch.randn(11, 64, generator=generator), matrix[7:8].float()])
    check(vectors, matrix, np.arange(600), metric, 3)
    assert swept.pop(0) == (torch.bfloat16, 12)
    # what is left are those that cannot be distinguished
    assert all(count <= 3 for _, count in swept)
    matrix[101], matrix[102], matrix[103] = 1e-35, 1e-20, 6e4
    check(vectors, matrix, np.arange(600), metric, 3)
    swept.clear()
    check(vectors[:5], matrix, np.arange(600), metric, 3)
    assert all(at == torch.float32 for at, _ in swept)


@needs_gpu
@pytest.mark.parametrize("metric", METRICS)
def test_on_a_gpu(metric, generator):
    matrix = torch.randn(5000, 512, generator=generator).to(torch.bfloat16)
    vectors = (20 * torch.randn(9, 512, generator=generator)).to(torch.bfloat16)
    here = nearest_rows(vectors, EmbeddingMatrix.of(matrix), torch.arange(5000), metric, 8)
    there = nearest_rows(vectors.cuda(), EmbeddingMatrix.of(matrix.cuda()), torch.arange(5000), metric, 8)
    assert torch.equal(here.ids, there.ids)
    torch.testing.assert_close(here.scores, there.scores, rtol=1e-12, atol=0)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 120),
    width=st.integers(1, 12),
    k=st.integers(1, 12),
    metric=st.sampled_from(METRICS),
    coarse=st.booleans(),
)
def test_any_small_case(seed, rows, width, k, metric, coarse):
    generator = torch.Generator().manual_seed(seed)
    matrix = torch.randn(rows, width, generator=generator)
    vectors = torch.randn(3, width, generator=generator)
    if coarse:  # many exact ties
        matrix, vectors = matrix.round(), vectors.round()
    candidates = np.flatnonzero(torch.rand(rows, generator=generator).numpy() < 0.8)
    if len(candidates):
        check(vectors, matrix, candidates, metric, k, budget=2048)
