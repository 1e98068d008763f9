"""One model asked everything in one process, on one checkout: `python -P asked.py JOB.json`, for `benchmarks.same`.

It is run by its path with `PYTHONPATH` the checkout to be asked, so it imports nothing of this package. The commands
go through `vlmtui.cli.main`, one after the other, to a warm session of their own; what each wrote on stdout and stderr
is in the files `NUMBER.out` and `NUMBER.err`, and `results.json` has exit statuses and the hashes of other files. The
Python API is asked afterwards: what it gave is JSON, without what was measured and the numbers of readings and answers.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import typer.main

MEASURED = {"seconds", "timings", "in_vocabulary"}
NUMBERED = {"id", "answer", "reading"}
"""Fields that are left out where they hold words: which reading or answer of the session it was."""
AVAILABLE = "MemAvailable: 16777216 kB\n"
TEXTS = ("a blue sky", "a red ball on the sand")
AT = (1, 1)


def main(job: dict[str, Any]) -> int:
    """Ask it all; the exit status."""
    import vlmtui

    home = Path(vlmtui.__file__).resolve().parents[1]
    if home != Path(job["checkout"]).resolve():
        raise RuntimeError(f"vlmtui came from {home}, not from {job['checkout']}")
    _as_much_memory_as_ever()
    # a third of a small report's time, and the same for every one
    typer.main.get_command = functools.cache(typer.main.get_command)
    desk = Desk(Path(job["into"]))
    try:
        facts = desk.begin(job["model"])
        for words in job["commands"]:
            desk.command(words, facts)
        if job["api"]:
            desk.api(job["model"], job["only"])
    finally:
        desk.end()
    return 0


class Desk:
    """Where commands are run, and what became of them."""

    def __init__(self, into: Path) -> None:
        self._into = into
        self._results: list[dict[str, Any]] = []
        self._own = os.dup(1), os.dup(2)
        os.chdir(into / "desk")
        self._files = _files()

    def begin(self, model: str) -> dict[str, str]:
        """Start the warm session; what the words of commands may name: the model, its last stages."""
        import vlmtui
        from vlmtui.cli import main as command

        if command(["session", "start", "-m", model, "--quiet", "--idle", "5m"]):
            raise RuntimeError(f"no session could be started with {model}")
        with vlmtui.open_session(model) as session:
            vision, layers = session.model.vision_layers, session.model.llm_layers
        return {"model": model, "last": f"vision.{vision}", "deepest": f"llm.{layers}"}

    def end(self) -> None:
        """Write the results, and end the session."""
        from vlmtui.cli import main as command

        self._to(*self._own)
        (self._into / "results.json").write_text(json.dumps(self._results, indent=1))
        command(["session", "stop", "--quiet"])

    def command(self, template: list[str], facts: dict[str, str]) -> None:
        """Run one command line."""
        from vlmtui.cli import main as command

        number = f"{len(self._results):03}"
        words = [word.format(**facts, out=number) for word in template]
        self._keep(" ".join(template), lambda: command(words))

    def api(self, model: str, only: str) -> None:
        """Ask the Python API, which has the same session."""
        import vlmtui

        with vlmtui.open_session(model) as session:
            state = State(session)
            for name, ask in PROBES.items():
                if only in f"api {name}":
                    self._keep(f"api {name}", functools.partial(state.answers, ask))

    def _keep(self, what: str, run: Callable[[], int]) -> None:
        number = f"{len(self._results):03}"
        files = [os.open(self._into / f"{number}.{end}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for end in _ENDS]
        self._to(*files)
        status: int | str
        try:
            status = run()
        except Exception as error:
            status = f"{type(error).__name__}: {error}"
        self._to(*self._own)
        for file in files:
            os.close(file)
        after = _files()
        made = {str(name): _sha256(name) for name, state in after.items() if self._files.get(name) != state}
        gone = sorted(map(str, self._files.keys() - after.keys()))
        self._files = after
        self._results.append({"what": what, "status": status, "files": made, "gone": gone})

    @staticmethod
    def _to(out: int, err: int) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(out, 1)
        os.dup2(err, 2)


_ENDS = ("out", "err")


class State:
    """A picture read in a session, and an answer about it once there is one."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.picture = session.read("picture.png")
        self._answer: Any = None

    def answers(self, ask: Callable[[State], Any]) -> int:
        """Print what a question gives; 1 where it is refused."""
        from vlmtui.errors import VlmtuiError

        try:
            print(json.dumps(plain(ask(self)), indent=1))
        except VlmtuiError as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            return 1
        return 0

    def asked(self) -> Any:
        """A greedy answer, to be looked into."""
        self._answer = self.picture.ask("What is in the picture?", max_new_tokens=6)
        return self._answer

    @property
    def answer(self) -> Any:
        """The latest greedy answer."""
        from vlmtui.errors import UsageError

        if self._answer is None:
            raise UsageError("there is no answer to look into")
        return self._answer

    @property
    def stages(self) -> tuple[str, ...]:
        """Those to look at; a model may have fewer."""
        model = self.session.model
        return ("tokens", "vision.0", f"vision.{model.vision_layers}", "llm.1", f"llm.{model.llm_layers}")


def _stages(of: Callable[[State, str], Any]) -> Callable[[State], Any]:
    """A question at several stages; a refusal is what it gives there."""

    def every(state: State) -> dict[str, Any]:
        from vlmtui.errors import VlmtuiError

        found: dict[str, Any] = {}
        for stage in state.stages:
            try:
                found[stage] = of(state, stage)
            except VlmtuiError as error:
                found[stage] = f"{type(error).__name__}: {error}"
        return found

    return every


def _metrics(of: Callable[[State, str], Any]) -> Callable[[State], Any]:
    """A question by every metric."""
    return lambda state: {metric: of(state, metric) for metric in METRICS}


METRICS = ("l2", "cosine", "cosine-centred", "dot", "omp", "omp-positive", "ridge", "pinv")
PROBES: dict[str, Callable[[State], Any]] = {
    "model": lambda s: s.session.model,
    "data": lambda s: s.picture.data,
    "words": _metrics(lambda s, metric: s.picture.words(*AT, metric=metric)),
    "words at stages": _stages(lambda s, stage: s.picture.words(*AT, k=3, stage=stage)),
    "words of all rows": lambda s: s.picture.words(*AT, all_tokens=True),
    "layer_words": lambda s: s.picture.layer_words(*AT, k=3),
    "norms": _stages(lambda s, stage: s.picture.norms(stage)),
    "pixels": lambda s: s.picture.norms("pixels"),
    "vectors": _stages(lambda s, stage: s.picture.vectors(stage)),
    "outliers": _stages(lambda s, stage: s.picture.outliers(stage)),
    "find": _stages(lambda s, stage: s.picture.find("blue sky", stage)),
    "similarity": _stages(lambda s, stage: s.picture.similarity((0, 0), AT, stage=stage)),
    "pca": _stages(lambda s, stage: s.picture.pca(stage)),
    "evidence": lambda s: s.picture.evidence("0"),
    "evidence by name": lambda s: s.picture.evidence("house"),
    "classify": lambda s: s.picture.classify(),
    "match": lambda s: s.picture.match(TEXTS),
    "null": lambda s: s.picture.null(),
    "null by metric": _metrics(lambda s, metric: s.picture.null(metric, k=2)),
    "null at stages": _stages(lambda s, stage: s.picture.null(k=2, stage=stage)),
    "agreement": lambda s: s.picture.agreement(*AT, k=4),
    "anatomy": lambda s: s.picture.anatomy(*AT),
    "to_table": lambda s: s.picture.to_table(k=2).to_pylist(),
    "to_html": lambda s: s.picture.to_html(k=2),
    "ask": lambda s: s.asked(),
    "ask with a temperature": lambda s: s.picture.ask(None, max_new_tokens=4, temperature=0.7, seed=3),
    "ask again": lambda s: s.asked(),
    "attention": lambda s: s.picture.attention(s.answer),
    "attention of a layer": lambda s: s.picture.attention(s.answer, layer=1),
    "attention of a head": lambda s: s.picture.attention(s.answer, layer=1, head=0),
    "attention rolled out": lambda s: s.picture.attention(s.answer, rollout=True),
    "gradient": lambda s: s.picture.gradient(s.answer),
    "gradient of a token": lambda s: s.picture.gradient(s.answer, 0),
    "mask": lambda s: s.picture.mask(),
    "ablate": lambda s: s.picture.ablate(s.answer, [AT]),
    "ablate by zero": lambda s: s.picture.ablate(s.answer, [(0, 0), AT], "zero"),
    "ablate by blur": lambda s: s.picture.ablate(s.answer, [AT], "blur"),
    "occlude": lambda s: s.picture.occlude(s.answer, 2),
    "vocabulary": lambda s: s.session.vocabulary(),
    "vocabulary of all": lambda s: s.session.vocabulary(all_tokens=True, named=True),
    "near": lambda s: s.session.near("blue sky"),
    "near by metric": lambda s: [s.session.near("sky", one, k=3) for one in METRICS[:4]],
    "outliers of several": lambda s: s.session.outliers([s.picture, s.session.read("album/tall.png")]),
}


def plain(value: Any) -> Any:
    """Whatever the API gives, by its attributes' names alone: a class may be called otherwise on another checkout."""
    if isinstance(value, np.ndarray):
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return {"dtype": str(value.dtype), "shape": value.shape, "sha256": digest, "values": plain(value.tolist())}
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    names = value.__struct_fields__ if isinstance(value, msgspec.Struct) else None
    if dataclasses.is_dataclass(value):
        names = tuple(field.name for field in dataclasses.fields(value))
    if names is not None:
        value = {name: getattr(value, name) for name in names}
        kept = {k: v for k, v in value.items() if not (k in NUMBERED and isinstance(v, str)) and k not in MEASURED}
        return {name: plain(inner) for name, inner in kept.items()}
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, set | frozenset):
        return [plain(inner) for inner in sorted(value)]
    if isinstance(value, list | tuple | range):
        return [plain(inner) for inner in value]
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"the API gave a {type(value).__name__}, which cannot be written down")


def _files() -> dict[Path, tuple[int, int, int]]:
    """The files in the working folder, and what tells that one was written."""
    found = {path: path.stat() for path in sorted(Path().rglob("*")) if path.is_file()}
    return {path: (stat.st_ino, stat.st_size, stat.st_mtime_ns) for path, stat in found.items()}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _as_much_memory_as_ever() -> None:
    """`vlmtui models` says what is free: the same in every run."""
    read = Path.read_text

    def told(path: Path, *args: Any, **options: Any) -> str:
        if str(path) == "/proc/meminfo":
            return AVAILABLE
        if str(path).startswith("/sys/fs/cgroup"):
            raise FileNotFoundError(path)
        return read(path, *args, **options)

    Path.read_text = told  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    sys.exit(main(json.loads(Path(sys.argv[1]).read_text())))
