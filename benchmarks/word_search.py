"""Nearest tokens and pursuit (OMP) of all image tokens against the plain way: full-size models, random weights, ratios.

The plain search is the full matrix of scores in float32 and the largest of each row. The plain pursuit is what tools do
today: for each token and step a least-squares solve, and the product of the whole vocabulary with its coefficients to
compute the residual; it is timed on a few tokens. The two ways take turns in one process.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from statistics import median
from typing import Any

from vlmtui.display.numbers import format_bytes, format_duration

SIZES = {(576, 32_000, 4_096): 5, (2_880, 257_000, 2_304): 2}
"""Image tokens × vocabulary × hidden size, and how often each is measured."""
PURSUIT = (576, 32_064, 4_096)
K = 8
ROUNDS = 3
TOKENS = 4
"""Tokens of the plain pursuit that are timed in each round; all are assumed to take as long."""

_COMMON = """
import json, sys, time, torch
from vlmtui.lenses.kernels.distances import EmbeddingMatrix
tokens, rows, hidden, k = (int(word) for word in sys.argv[1:5])
def memory(which):
    line = next(line for line in open("/proc/self/status") if line.startswith(which))
    return int(line.split()[1]) * 1024
def above():
    open("/proc/self/clear_refs", "w").write("5")
    before = memory("VmRSS:")
    return lambda: memory("VmHWM:") - before
def timed(make):
    began = time.perf_counter()
    made = make()
    return time.perf_counter() - began, made
torch.manual_seed(0)
dtype = getattr(torch, sys.argv[5])
embeddings = torch.empty(rows, hidden, dtype=dtype)
for part in embeddings.split(4096):
    part.copy_(0.02 * torch.randn(part.shape))
vectors = (0.5 * torch.randn(tokens, hidden)).to(dtype)
"""
_NEAREST = (
    _COMMON
    + """
from vlmtui.lenses.kernels.nearest_neighbours import nearest_rows
rounds = int(sys.argv[6])
vocabulary, candidates = EmbeddingMatrix.of(embeddings), torch.arange(rows)
x = vectors.float()
def ours(metric):
    return nearest_rows(vectors, vocabulary, candidates, metric, k)
def plain(metric, e):
    if metric == "l2":
        return torch.cdist(x, e).neg().topk(k)
    if metric == "dot":
        return (x @ e.T).topk(k)
    norm = torch.nn.functional.normalize
    return (norm(x, dim=1) @ norm(e, dim=1).T).topk(k)
low = embeddings.bfloat16()
low_vectors = vectors.bfloat16()
product = [timed(lambda: low_vectors @ low.T)[0] for _ in range(rounds + 1)][1:]
del low
out = {"product": product, "lost": timed(vocabulary.lost)[0], "centre": timed(lambda: vocabulary.centre(candidates))[0]}
nearest_rows(vectors[:80], vocabulary, candidates[:8192], "l2", k)
peaks = {"ours": 0, "plain": 0}
for metric in ("l2", "cosine", "dot", "cosine-centred"):
    times = {"ours": [], "plain": []}
    for _ in range(rounds):
        over = above()
        seconds, found = timed(lambda: ours(metric))
        times["ours"].append(seconds)
        peaks["ours"] = max(peaks["ours"], over())
        if metric == "cosine-centred":
            continue
        over = above()
        e = embeddings.float()
        seconds, full = timed(lambda: plain(metric, e))
        times["plain"].append(seconds)
        peaks["plain"] = max(peaks["plain"], over())
        del e
        # where scores differ by less than float32 resolves, the plain way's order is arbitrary
        same = [len(set(a) & set(b)) for a, b in zip(found.ids.tolist(), full.indices.tolist())]
        out["same " + metric] = sum(same) / (k * tokens)
    out[metric] = times
print(json.dumps(out | {"peaks": peaks}))
"""
)
_PURSUIT = (
    _COMMON
    + """
from vlmtui.lenses.kernels import nearest_neighbours as words
from vlmtui.lenses.kernels.omp import matching_pursuit
rounds, few = int(sys.argv[6]), int(sys.argv[7])
if sys.argv[8] == "float32":  # as on a processor without bfloat16
    words.fast_in_bfloat16 = lambda device: False
vocabulary, candidates = EmbeddingMatrix.of(embeddings), torch.arange(rows)
vocabulary.lost()
units = torch.nn.functional.normalize(embeddings.float(), dim=1)
def plain(x):
    chosen, rest = [], x
    for _ in range(k):
        chosen.append(int((units @ rest).abs().argmax()))
        coefficients = torch.linalg.lstsq(units[chosen].T, x[:, None]).solution[:, 0]
        whole = torch.zeros(rows)
        whole[chosen] = coefficients
        rest = x - whole @ units
    return chosen
plain(vectors[0].float())
matching_pursuit(vectors[:80], vocabulary, candidates[:8192], 2)
out = {"ours": [], "plain": [], "same": 0, "peak": 0}
for round in range(rounds):
    over = above()
    seconds, found = timed(lambda: matching_pursuit(vectors, vocabulary, candidates, k))
    out["ours"].append(seconds)
    out["peak"] = max(out["peak"], over())
    some = range(round * few, (round + 1) * few)
    seconds, supports = timed(lambda: [plain(vectors[i].float()) for i in some])
    out["plain"].append(seconds / few * tokens)
    out["same"] += sum(sorted(a) == sorted(found.ids[i].tolist()) for a, i in zip(supports, some))
print(json.dumps(out))
"""
)


def rows() -> Iterator[tuple[str, str, str]]:
    """Measure every size and dtype, each in a process of its own."""
    for size, rounds in SIZES.items():
        for dtype in ("float32", "bfloat16"):
            yield from _nearest(size, dtype, rounds)
    for dtype, swept in (("float32", "float32"), ("float32", "bfloat16"), ("bfloat16", "bfloat16")):
        found = _run(_PURSUIT, *PURSUIT, K, dtype, ROUNDS, TOKENS, swept)
        wanted = 15 if swept == "float32" else 40
        yield (
            f"OMP, {K} words, {_size(PURSUIT)}, weights in {dtype}, sweeps in {swept}: against the plain way",
            f"{_against(found['ours'], found['plain'])}, the same support for {found['same']} of {ROUNDS * TOKENS}"
            f" tokens, {format_bytes(int(found['peak']))} over the inputs",
            f"at least {wanted} times",
        )


def _nearest(size: tuple[int, int, int], dtype: str, rounds: int) -> Iterator[tuple[str, str, str]]:
    found = _run(_NEAREST, *size, K, dtype, rounds)
    product = median(found["product"])
    for metric in ("l2", "cosine", "dot"):
        share = f"{median(found[metric]['ours']) / product:.1f} times the product in bfloat16"
        yield (
            f"{K} words of every token, {_size(size)}, weights in {dtype}, {metric}: against the full float32 matrix",
            f"{_against(**found[metric])}, {100 * found[f'same {metric}']:.2f}% the same words; {share}",
            "",
        )
    once = f"the mean of the words, once: {format_duration(found['centre'])}"
    if dtype == "float32":
        once += f"; what rounding loses, once: {format_duration(found['lost'])}"
    yield "the same under cosine-centred", f"{format_duration(median(found['cosine-centred']['ours']))} ({once})", ""
    peaks = found["peaks"]
    yield (
        "peak memory over the inputs, against the full matrix's",
        f"{format_bytes(int(peaks['ours']))} against {format_bytes(int(peaks['plain']))}",
        "at most 300 MB",
    )


def _against(ours: list[float], plain: list[float]) -> str:
    """The medians of both, and the median of the ratios of neighbouring runs."""
    ratio = median(slow / quick for slow, quick in zip(plain, ours, strict=True))
    return f"{format_duration(median(ours))} against {format_duration(median(plain))}: {ratio:.1f} times faster"


def _size(size: tuple[int, int, int]) -> str:
    return " × ".join(f"{n:,}" for n in size)


def _run(code: str, *words: object) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
