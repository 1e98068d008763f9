"""All words of a picture against the plain way, at sizes of real models, on random weights: ratios within one run.

The plain way to the nearest words is the full matrix of scores in float32, and the largest of each row. The plain
pursuit is what tools do today: for each token and step a least-squares solve, and a product of the whole vocabulary
with its coefficients for what is left; it is measured on a few tokens.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

from vlmtui.display.numbers import duration, memory

SIZES = ((576, 32_000, 4_096), (2_880, 257_000, 2_304))
PURSUIT = (576, 32_064, 4_096)
K = 8
TOKENS = 6
"""So many tokens of the plain pursuit are timed, and stand for all."""

_COMMON = """
import json, sys, time, torch
from vlmtui.lenses.measures import Vocabulary
tokens, rows, hidden, k = (int(word) for word in sys.argv[1:5])
def peak():
    line = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
def resident():
    line = next(line for line in open("/proc/self/status") if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024
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
def blank():
    torch.mm(vectors[:64], embeddings[:64].T).topk(4)
blank()
"""
_OURS = (
    _COMMON
    + """
from vlmtui.lenses.words import nearest
vocabulary, candidates = Vocabulary.of(embeddings), torch.arange(rows)
open("/proc/self/clear_refs", "w").write("5")
before = resident()
out = {}
for metric in ("l2", "cosine", "cosine-centred", "dot"):
    if metric == "cosine-centred":
        out["centre"], _ = timed(lambda: vocabulary.centre(candidates))
    out[metric], found = timed(lambda: nearest(vectors, vocabulary, candidates, metric, k))
    out["ids " + metric] = found.ids[:4].tolist()
out["peak"] = peak() - before
print(json.dumps(out))
"""
)
_PLAIN = (
    _COMMON
    + """
open("/proc/self/clear_refs", "w").write("5")
before = resident()
out = {}
x, e = vectors.float(), embeddings.float()
for metric in ("l2", "cosine", "dot"):
    def plain():
        if metric == "l2":
            return torch.cdist(x, e).neg().topk(k)
        if metric == "dot":
            return (x @ e.T).topk(k)
        norm = torch.nn.functional.normalize
        return (norm(x, dim=1) @ norm(e, dim=1).T).topk(k)
    out[metric], found = timed(plain)
    out["ids " + metric] = found.indices[:4].tolist()
out["peak"] = peak() - before
print(json.dumps(out))
"""
)
_PURSUIT = (
    _COMMON
    + """
from vlmtui.lenses.pursuit import pursue
few = int(sys.argv[6])
vocabulary, candidates = Vocabulary.of(embeddings), torch.arange(rows)
open("/proc/self/clear_refs", "w").write("5")
before = resident()
seconds, found = timed(lambda: pursue(vectors, vocabulary, candidates, k))
extra = peak() - before
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
slow, supports = timed(lambda: [plain(x.float()) for x in vectors[:few]])
same = sum(sorted(a) == sorted(b) for a, b in zip(supports, found.ids.tolist()))
print(json.dumps({"ours": seconds, "plain": slow / few * tokens, "same": same, "peak": extra}))
"""
)


def rows() -> Iterator[tuple[str, str, str]]:
    """Each way in a process of its own, so that its peak is its own."""
    for size in SIZES:
        for dtype in ("float32", "bfloat16"):
            yield from _nearest(size, dtype)
    for dtype in ("float32", "bfloat16"):
        found = _run(_PURSUIT, *PURSUIT, K, dtype, TOKENS)
        ratio = found["plain"] / found["ours"]
        wanted = 15 if dtype == "float32" else 40
        yield (
            f"OMP, {K} words, {_said(PURSUIT)}, {dtype}, against the plain way in float32",
            f"{duration(found['ours'])} against {duration(found['plain'])}: {ratio:.0f} times faster, the same support"
            f" for {found['same']} of {TOKENS} tokens, {memory(int(found['peak']))} over the inputs",
            f"at least {wanted} times",
        )


def _nearest(size: tuple[int, int, int], dtype: str) -> Iterator[tuple[str, str, str]]:
    ours = _run(_OURS, *size, K, dtype)
    plain = _run(_PLAIN, *size, K, dtype)
    for metric in ("l2", "cosine", "dot"):
        same = ours[f"ids {metric}"] == plain[f"ids {metric}"]
        yield (
            f"{K} words of every token, {_said(size)}, {dtype}, {metric}: against the full matrix in float32",
            f"{duration(ours[metric])} against {duration(plain[metric])}: {plain[metric] / ours[metric]:.1f} times"
            f" faster{'' if same else ', other words'}",
            "",
        )
    yield (
        "the same under cosine-centred (and the mean, once)",
        f"{duration(ours['cosine-centred'])} (and {duration(ours['centre'])})",
        "",
    )
    yield (
        "peak memory over the inputs, against the full matrix's",
        f"{memory(int(ours['peak']))} against {memory(int(plain['peak']))}",
        "at most 300 MB",
    )


def _said(size: tuple[int, int, int]) -> str:
    return " × ".join(f"{n:,}" for n in size)


def _run(code: str, *words: object) -> dict[str, float]:
    done = subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
