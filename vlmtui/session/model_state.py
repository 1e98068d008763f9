"""Model state of a session: the loaded model, its vocabulary, and the activations of its recent readings."""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch
import transformers

from vlmtui import catalogue
from vlmtui.errors import ModelError, OutOfMemoryError, UsageError, VlmtuiError, lacks_memory, permission_denied
from vlmtui.lenses.kernels.word_finder import WordFinder
from vlmtui.memory import memory_limit
from vlmtui.models.loading import device, model_folder
from vlmtui.models.loading.loader import load_model
from vlmtui.models.vision.dual_encoder import why_no_text_tower
from vlmtui.models.vlm import VisionLanguageModel
from vlmtui.session import protocol as m
from vlmtui.session.activations import LAYERS_BYTES, READINGS_BYTES, ActivationCache
from vlmtui.session.preprocessing import PreprocessingAhead
from vlmtui.session.vocabulary_index import VocabularyIndex

Progress = Callable[..., None]
ModelOrigin = tuple[tuple[object, ...], list[list[tuple[str, int, int]]]]
"""What a model was loaded from: the terms of the request, and the files of its folders as (path, size, mtime)."""
_NOT_LOADED: ModelOrigin = ((), [])


@dataclass(frozen=True)
class WordSearch:
    """What a search for words needs: the model, the index of its vocabulary, and the search itself."""

    model: VisionLanguageModel
    index: VocabularyIndex
    finder: WordFinder


class ModelState:
    """One loaded model at a time, with the activations of its recent readings, within budgets of bytes.

    `loaded` is the model, None without one; `origin` is what it was loaded from, to be compared with another.
    """

    def __init__(self, readings_bytes: int = READINGS_BYTES, layers_bytes: int = LAYERS_BYTES) -> None:
        transformers.utils.logging.disable_progress_bar()
        self.loaded: VisionLanguageModel | None = None
        self.origin = _NOT_LOADED
        self.readings = ActivationCache(readings_bytes, layers_bytes)
        self.ahead = PreprocessingAhead()
        self._vocabulary: VocabularyIndex | None = None
        self._finder: WordFinder | None = None
        self._request: m.Load | None = None
        self._numbers = itertools.count(1)

    # -- loading

    def load(self, request: m.Load, progress: Progress) -> m.Loaded:
        """Load the model that is asked for; the previous one is unloaded once the new one has been found."""
        started = time.perf_counter()
        source, checkpoint, processor = find_checkpoint(request, progress, None if request.layers else 0)
        on = device.choose_device(request.device)
        terms = (checkpoint.name, checkpoint.revision, source.note, on, request.dtype)

        def origin() -> ModelOrigin:
            folders = (checkpoint.folder, processor, checkpoint.adapter)
            return terms, [_files(folder) for folder in folders if folder is not None]

        before = self.loaded
        same = before is not None and origin() == self.origin
        if before is not None and same and (before.whole or not request.layers):
            return m.Loaded(before.info, time.perf_counter() - started)
        # a commit of the hub is the same model, also when more of it has just been fetched
        deeper = before is not None and (same or (checkpoint.revision is not None and self.origin[0] == terms))
        if not deeper:
            self.unload()
        loaded = load_model(
            checkpoint,
            progress,
            processor=processor,
            device=str(on),
            # in the same dtype earlier readings stay comparable
            dtype=before.info.dtype if before is not None and deeper else request.dtype,
            note=source.note,
            decoder_layers=None if request.layers else 0,
        )
        progress("reading the vocabulary")
        model = VisionLanguageModel(loaded)
        self.loaded, self._vocabulary = model, VocabularyIndex.of(model)
        self._finder = WordFinder(self._vocabulary.vocabulary) if self._vocabulary else None
        self._request = request
        self.origin = origin()  # loading may have fetched more files
        return m.Loaded(model.info, time.perf_counter() - started)

    def unload(self) -> None:
        """Release the model and its readings, their memory on the GPU included."""
        self.ahead.discard()
        self.loaded, self._vocabulary, self._finder, self.origin = None, None, None, _NOT_LOADED
        self.readings.clear()
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def full_model(self, progress: Progress) -> VisionLanguageModel:
        """The model with all layers of its language model, or with its text tower; loaded now where they are not."""
        if not self.model.whole and self._request is not None:
            self.load(msgspec.structs.replace(self._request, layers=True), progress)
        return self.model

    def full_model_for(self, reading: str, progress: Progress) -> VisionLanguageModel:
        """`full_model` for a reading; `ReadingGoneError`, before anything is loaded, where it is no longer kept."""
        self.readings[reading]
        return self.full_model(progress)

    def dual_encoder(self, progress: Progress) -> VisionLanguageModel:
        """The model with both of its towers, the text tower loaded; `UsageError` at its use for a model without one."""
        return self.model if why_no_text_tower(self.model.family) else self.full_model(progress)

    # -- what is loaded

    @property
    def model(self) -> VisionLanguageModel:
        """The loaded model; `ModelError` without one."""
        if self.loaded is None:
            raise ModelError("no model is loaded: load one first")
        return self.loaded

    @property
    def vocabulary(self) -> VocabularyIndex | None:
        """The index of the model's vocabulary, None where it has none; `ModelError` without a model."""
        self.model  # noqa: B018
        return self._vocabulary

    def word_search(self, k: int = 1) -> WordSearch:
        """The search for words; `UsageError` for a model without a vocabulary, and for `k` below 1."""
        model = self.model
        if self._vocabulary is None or self._finder is None:
            raise UsageError(f"{model.name} has no words: {model.family.wordless}; choose another, such as demo")
        if k < 1:
            raise UsageError(f"{k} words cannot be listed: -k must be at least 1")
        return WordSearch(model, self._vocabulary, self._finder)

    def next_number(self) -> int:
        """A number that no reading or answer of this session has had."""
        return next(self._numbers)

    # -- failures

    def explain(self, error: Exception) -> VlmtuiError:
        """An error in one sentence for the user; where memory was short, all readings are discarded."""
        text = " ".join(str(error).split())
        if lacks_memory(error):
            self.readings.clear()
            gc.collect()
            way_out = "choose --dtype bfloat16, --device cpu"
            if torch.cuda.is_available():
                free, total = torch.cuda.mem_get_info()
                torch.cuda.empty_cache()
                have = f"{device.gigabytes(free)} of {device.gigabytes(total)} were free on the GPU"
            else:
                have = f"{device.gigabytes(device.available_memory() or 0)} of memory are available"
                if memory_limit() is not None:
                    way_out = "raise its limit, ulimit -v"
            return OutOfMemoryError(f"there is not enough memory ({have}): {way_out}, or a smaller model")
        if denied := permission_denied(error):
            return ModelError(denied)
        brief = text if len(text) <= 300 else text[:297] + "..."
        return ModelError(f"the model failed: {type(error).__name__}: {brief} (see the session's log)")


def find_checkpoint(
    request: m.Load | m.Verify, progress: Progress, decoder_layers: int | None = 0
) -> tuple[catalogue.ModelSource, model_folder.Checkpoint, Path | None]:
    """The checkpoint that is asked for, and the folder of the processor where another one is named."""
    progress(f"locating {request.model}")
    base = Path(request.base) if request.base is not None else None
    source = catalogue.resolve_model(request.model, base)
    processor = None
    if request.processor:
        try:
            processor = model_folder.find_processor(catalogue.resolve_model(request.processor, base), progress)
        except ModelError as error:
            raise ModelError(f"--processor: {error}") from error
    checkpoint = model_folder.find_checkpoint(
        source,
        request.revision,
        progress,
        decoder_layers=decoder_layers,
        own_processor=processor is None,
        base=base,
    )
    return source, checkpoint, processor


def _files(folder: Path) -> list[tuple[str, int, int]]:
    """The files of a checkpoint as they are now: one that has been trained further since is a different model."""
    files = ((path, path.stat()) for path in folder.resolve().iterdir() if path.is_file())
    return sorted((str(path), stat.st_size, stat.st_mtime_ns) for path, stat in files)
