"""Recorder of all outputs about one model on one checkout, for `benchmarks.output_comparison`.

`python -P output_recorder.py JOB.json` is run by its path, with the checkout as `PYTHONPATH`, so it imports nothing of
this package. The commands go through `vlmtui.cli.main`, one after the other, to a warm session of their own. What each
wrote on stdout and stderr is in the files `NUMBER.out` and `NUMBER.err`; `results.json` has the exit statuses and the
hashes of other files. Then the Python API is called: its results are written as JSON, without measured times and
without the identifiers of readings and answers.
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
"""Fields that are left out: they are measured."""
ADDED = {"text_tower", "classifies"}
"""Fields of `ModelInfo` that are left out: earlier commits lack them."""
IDENTIFIERS = {"id", "answer", "reading"}
"""Fields that are left out where they are strings: identifiers of a reading or an answer."""
AVAILABLE = "MemAvailable: 16777216 kB\n"
"""What `/proc/meminfo` is said to be."""
TEXTS = ("a blue sky", "a red ball on the sand")
PATCH = (1, 1)


def main(job: dict[str, Any]) -> int:
    """Record every output of a job; returns the exit status."""
    import vlmtui

    home = Path(vlmtui.__file__).resolve().parents[1]
    if home != Path(job["checkout"]).resolve():
        raise RuntimeError(f"vlmtui came from {home}, not from {job['checkout']}")
    _fix_available_memory()
    # it takes a third of a small report's time and always gives the same
    typer.main.get_command = functools.cache(typer.main.get_command)
    recorder = Recorder(Path(job["into"]))
    try:
        names = recorder.start(job["model"])
        for words in job["commands"]:
            recorder.command(words, names)
        if job["api"]:
            recorder.api(job["model"], job["only"])
    finally:
        recorder.stop()
    return 0


class Recorder:
    """Runs commands in the folder `desk` and records what each wrote, returned and changed."""

    def __init__(self, into: Path) -> None:
        self._into = into
        self._results: list[dict[str, Any]] = []
        self._streams = os.dup(1), os.dup(2)
        os.chdir(into / "desk")
        self._files = _files()

    def start(self, model: str) -> dict[str, str]:
        """Start the warm session; returns the names in command templates: the model, its last stages."""
        import vlmtui
        from vlmtui.cli import main as command

        if command(["session", "start", "-m", model, "--quiet", "--idle", "5m"]):
            raise RuntimeError(f"no session could be started with {model}")
        with vlmtui.open_session(model) as session:
            vision, layers = session.model.vision_layers, session.model.llm_layers
        return {"model": model, "last": f"vision.{vision}", "deepest": f"llm.{layers}"}

    def stop(self) -> None:
        """Write the results and stop the session."""
        from vlmtui.cli import main as command

        self._redirect(*self._streams)
        (self._into / "results.json").write_text(json.dumps(self._results, indent=1))
        command(["session", "stop", "--quiet"])

    def command(self, template: list[str], names: dict[str, str]) -> None:
        """Run and record one command line."""
        from vlmtui.cli import main as command

        number = f"{len(self._results):03}"
        words = [word.format(**names, out=number) for word in template]
        self._record(" ".join(template), lambda: command(words))

    def api(self, model: str, only: str) -> None:
        """Call the Python API, which uses the same session, and record each result."""
        import vlmtui

        with vlmtui.open_session(model) as session:
            calls = ApiCalls(session)
            for name, call in API_CALLS.items():
                if only in f"api {name}":
                    self._record(f"api {name}", functools.partial(calls.print_result, call))

    def _record(self, what: str, run: Callable[[], int]) -> None:
        number = f"{len(self._results):03}"
        files = [os.open(self._into / f"{number}.{end}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for end in _ENDS]
        self._redirect(*files)
        status: int | str
        try:
            status = run()
        except Exception as error:
            status = f"{type(error).__name__}: {error}"
        self._redirect(*self._streams)
        for file in files:
            os.close(file)
        after = _files()
        made = {str(name): _sha256(name) for name, state in after.items() if self._files.get(name) != state}
        gone = sorted(map(str, self._files.keys() - after.keys()))
        self._files = after
        self._results.append({"what": what, "status": status, "files": made, "gone": gone})

    @staticmethod
    def _redirect(out: int, err: int) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(out, 1)
        os.dup2(err, 2)


_ENDS = ("out", "err")


class ApiCalls:
    """An image read in a session, and an answer about it once there is one."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.picture = session.read("picture.png")
        self._answer: Any = None

    def print_result(self, call: Callable[[ApiCalls], Any]) -> int:
        """Print the result of a call; returns 1 where it is refused."""
        from vlmtui.errors import VlmtuiError

        try:
            print(json.dumps(plain(call(self)), indent=1))
        except VlmtuiError as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            return 1
        return 0

    def ask(self) -> Any:
        """Ask for a greedy answer, the one that attributions explain."""
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
        """The stages that calls are repeated at; a model may have fewer."""
        model = self.session.model
        return ("tokens", "vision.0", f"vision.{model.vision_layers}", "llm.1", f"llm.{model.llm_layers}")


def _stages(of: Callable[[ApiCalls, str], Any]) -> Callable[[ApiCalls], Any]:
    """Repeat a call at several stages; where it is refused, the result is the message."""

    def every(calls: ApiCalls) -> dict[str, Any]:
        from vlmtui.errors import VlmtuiError

        found: dict[str, Any] = {}
        for stage in calls.stages:
            try:
                found[stage] = of(calls, stage)
            except VlmtuiError as error:
                found[stage] = f"{type(error).__name__}: {error}"
        return found

    return every


def _metrics(of: Callable[[ApiCalls, str], Any]) -> Callable[[ApiCalls], Any]:
    """Repeat a call with every metric."""
    return lambda calls: {metric: of(calls, metric) for metric in METRICS}


METRICS = ("l2", "cosine", "cosine-centred", "dot", "omp", "omp-positive", "ridge", "pinv")
API_CALLS: dict[str, Callable[[ApiCalls], Any]] = {
    "model": lambda s: s.session.model,
    "data": lambda s: s.picture.data,
    "words": _metrics(lambda s, metric: s.picture.words(*PATCH, metric=metric)),
    "words at stages": _stages(lambda s, stage: s.picture.words(*PATCH, k=3, stage=stage)),
    "words of all rows": lambda s: s.picture.words(*PATCH, all_tokens=True),
    "layer_words": lambda s: s.picture.layer_words(*PATCH, k=3),
    "norms": _stages(lambda s, stage: s.picture.norms(stage)),
    "pixels": lambda s: s.picture.norms("pixels"),
    "vectors": _stages(lambda s, stage: s.picture.vectors(stage)),
    "outliers": _stages(lambda s, stage: s.picture.outliers(stage)),
    "find": _stages(lambda s, stage: s.picture.find("blue sky", stage)),
    "similarity": _stages(lambda s, stage: s.picture.similarity((0, 0), PATCH, stage=stage)),
    "pca": _stages(lambda s, stage: s.picture.pca(stage)),
    "evidence": lambda s: s.picture.evidence("0"),
    "evidence by name": lambda s: s.picture.evidence("house"),
    "classify": lambda s: s.picture.classify(),
    "match": lambda s: s.picture.match(TEXTS),
    "null": lambda s: s.picture.null(),
    "null by metric": _metrics(lambda s, metric: s.picture.null(metric, k=2)),
    "null at stages": _stages(lambda s, stage: s.picture.null(k=2, stage=stage)),
    "agreement": lambda s: s.picture.agreement(*PATCH, k=4),
    "anatomy": lambda s: s.picture.anatomy(*PATCH),
    "to_table": lambda s: s.picture.to_table(k=2).to_pylist(),
    "to_html": lambda s: s.picture.to_html(k=2),
    "ask": lambda s: s.ask(),
    "ask with a temperature": lambda s: s.picture.ask(None, max_new_tokens=4, temperature=0.7, seed=3),
    "ask again": lambda s: s.ask(),
    "attention": lambda s: s.picture.attention(s.answer),
    "attention of a layer": lambda s: s.picture.attention(s.answer, layer=1),
    "attention of a head": lambda s: s.picture.attention(s.answer, layer=1, head=0),
    "attention rolled out": lambda s: s.picture.attention(s.answer, rollout=True),
    "gradient": lambda s: s.picture.gradient(s.answer),
    "gradient of a token": lambda s: s.picture.gradient(s.answer, 0),
    "mask": lambda s: s.picture.mask(),
    "ablate": lambda s: s.picture.ablate(s.answer, [PATCH]),
    "ablate by zero": lambda s: s.picture.ablate(s.answer, [(0, 0), PATCH], "zero"),
    "ablate by blur": lambda s: s.picture.ablate(s.answer, [PATCH], "blur"),
    "occlude": lambda s: s.picture.occlude(s.answer, 2),
    "vocabulary": lambda s: s.session.vocabulary(),
    "vocabulary of all": lambda s: s.session.vocabulary(all_tokens=True, named=True),
    "near": lambda s: s.session.near("blue sky"),
    "near by metric": lambda s: [s.session.near("sky", one, k=3) for one in METRICS[:4]],
    "outliers of several": lambda s: s.session.outliers([s.picture, s.session.read("album/tall.png")]),
}


def plain(value: Any) -> Any:
    """Convert a result to JSON values, by attribute names alone: a class may have another name on another checkout."""
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
        kept = {
            k: v
            for k, v in value.items()
            if not (k in IDENTIFIERS and isinstance(v, str)) and k not in MEASURED | ADDED
        }
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
    """Files in the working folder, each with inode, size and time: these change when it is written."""
    found = {path: path.stat() for path in sorted(Path().rglob("*")) if path.is_file()}
    return {path: (stat.st_ino, stat.st_size, stat.st_mtime_ns) for path, stat in found.items()}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _fix_available_memory() -> None:
    """Make the available memory, which `vlmtui models` prints, the same in every run."""
    read = Path.read_text

    def read_text(path: Path, *args: Any, **options: Any) -> str:
        if str(path) == "/proc/meminfo":
            return AVAILABLE
        if str(path).startswith("/sys/fs/cgroup"):
            raise FileNotFoundError(path)
        return read(path, *args, **options)

    Path.read_text = read_text  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    sys.exit(main(json.loads(Path(sys.argv[1]).read_text())))
