"""Hub downloads: only the tensors that a model needs are fetched, into vlmtui's own cache."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path

from filelock import FileLock, Timeout

from vlmtui import cache
from vlmtui.display.numbers import format_bytes
from vlmtui.errors import ModelError
from vlmtui.files import write_whole
from vlmtui.models.loading import safetensors_header
from vlmtui.models.loading.adapters import is_adapter
from vlmtui.models.loading.checkpoint import (
    CONFIG,
    MODELOPT_CONFIG,
    Checkpoint,
    Progress,
    check_folder,
    parse_index,
    read_config,
    refuse_without_weights,
)
from vlmtui.models.loading.hub_adapters import fetch_adapter, is_whole_adapter, own_adapter
from vlmtui.models.loading.hub_answers import watch_answers
from vlmtui.models.loading.hub_errors import HubUnreachableError, check_cache, explain_hub_errors, explain_nonsense
from vlmtui.models.loading.hub_files import HubCommit, check_room, silent_bar
from vlmtui.models.loading.needed_tensors import needed_keys
from vlmtui.models.loading.other_formats import refuse_other_formats
from vlmtui.models.loading.processor import check_image_processor
from vlmtui.models.loading.quantised_weights import check_names, check_values, runs_quantised
from vlmtui.models.loading.range_requests import THREADS, ByteRange, RangeDownload
from vlmtui.models.loading.skeleton import skeleton
from vlmtui.models.loading.weight_files import INDEX, find_weight_files

_MAIN = "main"
_SMALL = ["*.json", "*.jinja", "*.model", "*.txt", "*.tiktoken"]
_WEIGHTS = ["*.safetensors"]
# subfolders of a repository and Mistral's consolidated files hold the same model in other formats
_UNWANTED = ["*/*", "consolidated*.safetensors"]
_LOCK_TELL_S = 0.5
_COMMIT_SHOWN = 12


def fetch_checkpoint(
    name: str,
    label: str,
    revision: str | None,
    decoder_layers: int | None,
    progress: Progress,
    own_processor: bool = True,
) -> Checkpoint | Path:
    """The checkpoint of hub model `name`, with what its first `decoder_layers` decoder layers need (None: all).

    `own_processor`: images go through the model's own, so weights are fetched only where it can be built.

    Of a repository with an adapter alone, the folder with its files. Messages call the model `label`. A complete
    snapshot in the hub's own cache takes precedence over vlmtui's cache; what neither has is downloaded.
    """
    found = _at_hand(name, label, revision, decoder_layers)
    if found is not None:
        return found
    progress(f"looking for {name} on the hub", 0, 0)
    try:
        return _from_hub(name, label, revision, decoder_layers, progress, own_processor)
    except HubUnreachableError:
        if revision is None and (found := _any_snapshot(name, label)) is not None:
            folder = found if isinstance(found, Path) else found.folder
            progress(f"using the commit {folder.name[:_COMMIT_SHOWN]} of {name}, which is on this disk", 0, 0)
            return found
        check_cache(name)  # the connection may not be all that is wrong
        raise


def _from_hub(
    name: str, label: str, revision: str | None, decoder_layers: int | None, progress: Progress, own_processor: bool
) -> Checkpoint | Path:
    with explain_hub_errors(name, revision), watch_answers(name, progress):
        remote = HubCommit.of(name, revision)
        place = cache.commit_folder(name, remote.commit)
        with _alone(place, name, progress):
            # another process may have fetched it in the meantime
            found = _own(place, label, decoder_layers)
            if found is None and is_adapter(remote.files):
                found = fetch_adapter(remote, label, progress)
            elif found is None:
                _Download(remote, label, decoder_layers, progress, own_processor).run()
        cache.record_commit(name, revision or _MAIN, remote.commit)
    return found or Checkpoint(label, place, remote.commit, check_folder(place, label))


def fetch_processor(name: str, progress: Progress) -> Path:
    """The folder with the processor files of hub model `name`, without its weights."""
    folder = _snapshot(name, None, _SMALL)
    if folder is not None and (folder / CONFIG).exists():
        return folder
    commit = cache.recorded_commit(name, _MAIN)
    if commit is not None and (cache.commit_folder(name, commit) / INDEX).exists():
        return cache.commit_folder(name, commit)
    progress(f"downloading the processor of {name}", 0, 0)
    try:
        with explain_hub_errors(name, None), watch_answers(name, progress):
            return _processor_files(name)
    except HubUnreachableError:
        for folder in _snapshots(name):
            if (folder / CONFIG).exists():
                return folder
        raise


def _at_hand(name: str, label: str, revision: str | None, decoder_layers: int | None) -> Checkpoint | Path | None:
    folder = _snapshot(name, revision, _WEIGHTS + _SMALL)
    if folder is not None and is_whole_adapter(folder):
        return folder
    if folder is not None:
        try:
            return Checkpoint(label, folder, folder.name, check_folder(folder, label))
        except ModelError:
            pass  # another program's unfinished download
    commit = cache.recorded_commit(name, revision or _MAIN)
    return _own(cache.commit_folder(name, commit), label, decoder_layers) if commit else None


def _any_snapshot(name: str, label: str) -> Checkpoint | Path | None:
    """The latest complete snapshot in the hub's own cache, where no branch is recorded: cached by its commit alone."""
    for folder in _snapshots(name):
        if is_whole_adapter(folder):
            return folder
        with contextlib.suppress(ModelError):
            return Checkpoint(label, folder, folder.name, check_folder(folder, label))
    return None


def _snapshots(name: str) -> list[Path]:
    """The snapshots in the hub's own cache, the latest first."""
    from huggingface_hub.constants import HF_HUB_CACHE
    from huggingface_hub.file_download import repo_folder_name

    place = Path(HF_HUB_CACHE) / repo_folder_name(repo_id=name, repo_type="model") / "snapshots"
    folders = [folder for folder in place.glob("*") if folder.is_dir()]
    return sorted(folders, key=lambda folder: folder.stat().st_mtime, reverse=True)


def _own(place: Path, label: str, decoder_layers: int | None) -> Checkpoint | Path | None:
    """The checkpoint of a commit in vlmtui's own cache; None where it is insufficient or damaged."""
    if (adapter := own_adapter(place)) is not None:
        return adapter
    whole, layers = cache.cached_layers(place)
    if not whole or not (layers is None or (decoder_layers is not None and layers >= decoder_layers)):
        return None
    try:
        return Checkpoint(label, place, place.name, check_folder(place, label))
    except ModelError:
        return None  # damaged since then: what is missing is fetched again


def _snapshot(name: str, revision: str | None, patterns: list[str]) -> Path | None:
    """The snapshot in the hub's own cache, or None."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(
            snapshot_download(
                name, revision=revision, local_files_only=True, allow_patterns=patterns, ignore_patterns=_UNWANTED
            )
        )
    except (LocalEntryNotFoundError, FileNotFoundError):
        return None
    except HFValidationError:
        raise ModelError(f"{name} cannot be a model on the hub: give a name such as org/model, or a folder") from None


def _fetch_small_files(remote: HubCommit, place: Path) -> None:
    """Download config, tokenizer and processor files into `place`."""
    # the hub's index lists files that are not downloaded
    wanted = [
        file
        for file in sorted(remote.files)
        if "/" not in file and not file.endswith(".index.json") and any(fnmatch(file, kind) for kind in _SMALL)
    ]
    with ThreadPoolExecutor(THREADS, "small files") as pool:
        list(pool.map(lambda file: remote.fetch(file, place), wanted))


def _processor_files(name: str) -> Path:
    """Download config, tokenizer and processor files into the hub's own cache."""
    from huggingface_hub import snapshot_download

    with explain_nonsense(name):
        return Path(
            snapshot_download(
                name, allow_patterns=_SMALL, ignore_patterns=[*_UNWANTED, "*.index.json"], tqdm_class=silent_bar()
            )
        )


@contextlib.contextmanager
def _alone(place: Path, name: str, progress: Progress) -> Iterator[None]:
    """Hold the lock of a commit, so that one process at a time downloads it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(place.with_suffix(".lock"))
    while not lock.is_locked:
        try:
            lock.acquire(timeout=_LOCK_TELL_S)
        except Timeout:
            progress(f"waiting for another vlmtui that is downloading {name}", 0, 0)
    try:
        yield
    finally:
        lock.release()


class _Download:
    """The download of one commit of a model into vlmtui's cache."""

    def __init__(
        self, remote: HubCommit, label: str, decoder_layers: int | None, progress: Progress, own_processor: bool
    ) -> None:
        self.place = cache.commit_folder(remote.name, remote.commit)
        self._remote = remote
        self._label = label
        self._layers = decoder_layers
        self._progress = progress
        self._own_processor = own_processor

    def run(self) -> None:
        """Fetch the config, which decides whether the model can be read; then the small files; then the tensors.

        What is wrong with the image processor, names, shapes and dtypes is said before any weight is fetched.
        """
        remote, place = self._remote, self.place
        refuse_unreadable(remote.files, self._label, remote.name)
        place.mkdir(parents=True, exist_ok=True)
        for file in sorted({CONFIG, MODELOPT_CONFIG} & remote.files):
            remote.fetch(file, place)
        config = read_config(place, self._label)
        shape = skeleton(Checkpoint(self._label, place, remote.commit, config), self._layers)
        self._progress(f"downloading the processor of {remote.name}", 0, 0)
        _fetch_small_files(remote, place)
        if self._own_processor:
            check_image_processor(place, shape.config, self._label)
        self._progress(f"locating the weights of {remote.name}", 0, 0)
        index = self._index()
        model = shape.fitting(index).empty
        check_names(model, index, config, self._label)
        held = self._held()
        wanted = needed_keys(model, index, runs_quantised(config)).keys() - held.keys()
        tensors = self._tensors({index[key] for key in wanted}, wanted)
        check_values(model, [tensor for group in tensors.values() for tensor in group], config, self._label)
        if wanted:
            part = self._part(tensors)
            held.update(dict.fromkeys(wanted, part.name))
        self._finish(held)

    def _index(self) -> dict[str, str]:
        """Tensor key to file name, for the whole model on the hub."""
        found = find_weight_files([file for file in self._remote.files if "/" not in file])
        assert found is not None, "refused before"
        if found.index is None:
            return {tensor.key: file for file in found.files for tensor in self._remote.header(file)}
        index = parse_index(self._remote.text(found.index), self._remote.name, found.index)
        if absent := sorted(set(index.values()) - set(self._remote.files)):
            raise ModelError(
                f"{self._remote.name} is incomplete on the hub: {absent[0]} is missing there; tell its authors, or "
                "choose another revision"
            )
        return index

    def _held(self) -> dict[str, str]:
        """Tensor key to part file, for what earlier downloads have fetched."""
        if not cache.cached_layers(self.place)[0]:
            return {}
        held = parse_index((self.place / INDEX).read_bytes(), self._label)
        # parts may have been damaged since they were fetched
        try:
            for file in set(held.values()):
                safetensors_header.read(self.place / file)
        except (OSError, ValueError):
            return {}
        return held

    def _tensors(self, files: Collection[str], wanted: Collection[str]) -> dict[str, list[safetensors_header.Tensor]]:
        """The wanted tensors of each of `files`."""
        names = sorted(files)
        with ThreadPoolExecutor(THREADS, "headers") as pool:
            found = dict(zip(names, pool.map(self._remote.header, names), strict=True))
        tensors = {file: [tensor for tensor in group if tensor.key in wanted] for file, group in found.items()}
        if absent := set(wanted).difference(*({tensor.key for tensor in group} for group in tensors.values())):
            raise ModelError(
                f"{self._remote.name} is incomplete on the hub: its {INDEX} lists {sorted(absent)[0]}, and the "
                "file has no such tensor; tell its authors, or choose another revision"
            )
        return tensors

    def _part(self, tensors: Mapping[str, list[safetensors_header.Tensor]]) -> Path:
        """Download tensors into a new part file, which appears only when it is complete."""
        # widest elements first, so that every tensor starts at a multiple of its element size
        ordered = sorted(
            ((file, tensor) for file, group in tensors.items() for tensor in group),
            key=lambda one: (-_width(one[1]), one[0], one[1].start),
        )
        head = safetensors_header.pack([tensor for _, tensor in ordered])
        pieces, at = [], len(head)
        for file, tensor in ordered:
            pieces.append(ByteRange(file, tensor.start, at, tensor.size))
            at += tensor.size
        part = self.place / f"part-{hashlib.sha256(repr((head, pieces)).encode()).hexdigest()[:16]}.safetensors"
        begun = part.with_suffix(".incomplete")
        fetch = RangeDownload(begun, at, pieces, self._remote.open)
        check_room(self._remote.name, fetch.left, self.place)
        doing = f"downloading {format_bytes(fetch.wanted)} of {self._remote.name}"
        fetch.run(lambda got, wanted: self._progress(doing, got, wanted))
        with begun.open("r+b") as opened:
            opened.write(head)
        safetensors_header.read(begun)
        begun.rename(part)
        fetch.journal.path.unlink(missing_ok=True)
        return part

    def _finish(self, held: Mapping[str, str]) -> None:
        """Write the index in one step, which makes the folder complete; then remove leftovers of other attempts."""
        layers = "all" if self._layers is None else self._layers
        index = {"metadata": {cache.LAYERS: layers}, "weight_map": dict(sorted(held.items()))}
        write_whole(self.place / INDEX, json.dumps(index, indent=1).encode())
        kept = set(held.values())
        for file in self.place.glob("part-*"):
            if file.name not in kept:
                file.unlink(missing_ok=True)


def refuse_unreadable(files: Collection[str], label: str, name: str) -> None:
    """Raise `ModelError` for a repository whose file names show that it has no safetensors checkpoint."""
    own = sorted({file.partition("/")[0] for file in files})
    if CONFIG not in files:
        refuse_other_formats(own, label, name)
        if inside := sorted(file.rpartition("/")[0] for file in files if file.endswith(f"/{CONFIG}")):
            place = f"./{name.rpartition('/')[2]}"
            raise ModelError(
                f"{name} has no {CONFIG} on the hub but in {inside[0]}: hf download {name} --include '{inside[0]}/*' "
                f"--local-dir {place}, then --model {place}/{inside[0]}"
            )
        raise ModelError(f"{name} has no {CONFIG} on the hub: choose a repository that transformers can load")
    if find_weight_files(own) is None:
        refuse_without_weights(own, label, name)


def _width(tensor: safetensors_header.Tensor) -> int:
    """The size of an element in bytes; 1 where it is unknown, as in formats that pack several elements into a byte."""
    count = 1
    for length in tensor.shape:
        count *= length
    return tensor.size // count if count and tensor.size % count == 0 else 1
