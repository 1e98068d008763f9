"""Holds a model and its recent readings, and answers questions about them. No processes, no pipes."""

from __future__ import annotations

import gc
import itertools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch
import transformers

from vlmtui import catalogue
from vlmtui import verify as truth
from vlmtui.errors import ModelError, OutOfMemoryError, ProtocolError, UsageError, VlmtuiError
from vlmtui.image import decode
from vlmtui.lenses.kernels.finder import Finder
from vlmtui.models.loading import device, model_folder
from vlmtui.models.loading.loader import load
from vlmtui.models.vision.dual_encoder import why_no_text_tower
from vlmtui.models.vision.tower_output import finals
from vlmtui.models.vlm import VisionLanguageModel
from vlmtui.reading import ImageInfo
from vlmtui.session import batch_read, generation, lens_calls
from vlmtui.session import protocol as m
from vlmtui.session.activations import LAYERS_BYTES, READINGS_BYTES, File, Kept, Readings
from vlmtui.session.decoder_pass import LayersOf
from vlmtui.session.foreign_lenses import Shelf
from vlmtui.session.preprocessing import Preparing
from vlmtui.session.reading_of import lengths_of, told
from vlmtui.session.request_progress import Talk
from vlmtui.session.vocabulary_index import Lexicon

Progress = Callable[..., None]
_NO_MEMORY = ("not enough memory", "can't allocate memory")


@dataclass(frozen=True)
class Wordy:
    """A model held that has words: its vocabulary, and what finds them there."""

    model: VisionLanguageModel
    lexicon: Lexicon
    finder: Finder


# the words by which a model is asked for, and the files of its folders
_MadeFrom = tuple[tuple[object, ...], list[list[tuple[str, int, int]]]]


class Engine:
    """One model at a time, and its recent readings, within budgets of bytes."""

    def __init__(self, readings_bytes: int = READINGS_BYTES, layers_bytes: int = LAYERS_BYTES) -> None:
        transformers.utils.logging.disable_progress_bar()
        self._model: VisionLanguageModel | None = None
        self._words: Lexicon | None = None
        self._finder: Finder | None = None
        self._asked: m.Load | None = None
        self.holds: _MadeFrom = ((), [])
        """What the model held was made from, to be compared; empty without one."""
        self.readings = Readings(readings_bytes, layers_bytes)
        self.shelf = Shelf()
        """The lenses that are not built in, as far as they were loaded."""
        self._ahead: Preparing | None = None
        self._numbers = itertools.count(1)
        self._devices = device.devices()

    def load(self, request: m.Load, progress: Progress) -> m.Loaded:
        """Hold the model asked for. The one held before goes when another is found to take its place."""
        started = time.perf_counter()
        source, checkpoint, processor = _find(request, progress, None if request.layers else 0)
        on = device.choose_device(request.device)
        words = (checkpoint.name, checkpoint.revision, source.note, on, request.dtype)

        def made_from() -> _MadeFrom:
            return words, [_files(folder) for folder in (checkpoint.folder, processor) if folder is not None]

        held = self._model
        same = held is not None and made_from() == self.holds
        if held is not None and same and (held.whole or not request.layers):
            return m.Loaded(held.info, time.perf_counter() - started)
        # a commit of the hub is the same model, also when more of it has just been fetched
        deeper = held is not None and (same or (checkpoint.revision is not None and self.holds[0] == words))
        if not deeper:
            self._drop()
        loaded = load(
            checkpoint,
            progress,
            processor=processor,
            device=str(on),
            # what was read so far stays comparable
            dtype=held.info.dtype if held is not None and deeper else request.dtype,
            note=source.note,
            decoder_layers=None if request.layers else 0,
        )
        progress("reading the vocabulary")
        self._hold(VisionLanguageModel(loaded))
        self._asked = request
        self.holds = made_from()  # loading may have fetched more of it
        assert self._model is not None
        return m.Loaded(self._model.info, time.perf_counter() - started)

    def _hold(self, model: VisionLanguageModel) -> None:
        self._model, self._words = model, Lexicon.of(model)
        self._finder = Finder(self._words.vocabulary) if self._words else None

    def read(self, request: m.Read, progress: Progress) -> m.ReadDone:
        """Look at a picture with the model held. `progress` may raise to end it, also between the tower's blocks."""
        model, words = self.held()
        clock = _Clock()
        progress("decoding the picture")
        picture = decode(request.data, request.source, request.max_pixels)
        clock.lap("decode")
        progress("preparing the picture")
        inputs = model.prepare(picture, request.prompt, request.source)
        clock.lap("prepare")
        with finals(model.family) as final:
            encoded = model.encode(inputs, lambda done, total: progress("running the vision tower", done, total))
        clock.lap("encode")
        progress("placing the tokens")
        layout = model.layout(picture, inputs, encoded)
        clock.lap("geometry")
        lengths = lengths_of(encoded.tokens, words)
        clock.lap("norms")
        reading = told(
            model,
            ImageInfo(request.source, request.sha256, picture.width, picture.height),
            layout,
            encoded,
            lengths,
            model.anatomy.norms(inputs),
            request.prompt,
            name=f"reading-{self.number()}",
            timings=clock.seconds,
        )
        file = File(request.source, request.data, request.max_pixels)
        kept = Kept(inputs, encoded.tokens, request.prompt, file, layout.places, patch_places=layout.patch_places)
        kept.final = final[0] if final else None
        self.readings.keep(reading.id, kept)
        return m.ReadDone(reading)

    def preparing(self, question: m.ReadMany) -> Preparing:
        """A question's pictures, which are prepared already where `prepare_ahead` was told of it."""
        ahead, self._ahead = self._ahead, None
        return ahead or Preparing(self.held()[0], question)

    def prepare_ahead(self, question: m.ReadMany) -> None:
        """Begin to prepare the pictures of what is likely to be the next question; any other ends that."""
        self._forget_ahead()
        self._ahead = Preparing(self.held()[0], question)

    def rest(self) -> None:
        """There is nothing to do: what was prepared for a question that did not come is let go of, at once."""
        self._forget_ahead(wait=False)

    def _forget_ahead(self, wait: bool = True) -> None:
        if self._ahead is not None:
            self._ahead.close(wait)
            self._ahead = None

    def answer(self, question: m.Question, talk: Talk) -> m.Answer:
        """The answer to a question about a reading, about the model, or for another model."""
        if self._ahead is not None and self._ahead.question is not question:
            self._forget_ahead()
        match question:
            case m.Load():
                return self.load(question, talk.progress)
            case m.Read():
                return self.read(question, talk.progress)
            case m.Verify():
                return self.verify(question, talk.progress)
            case m.ReadMany():
                return batch_read.many(self, question, talk)
            case m.Compute():
                return lens_calls.compute(self, question, talk)
            case m.Describe():
                return lens_calls.describe(self, question, talk)
            case m.Ask():
                return generation.ask(self, question, talk)
        raise ProtocolError(f"the session cannot answer {type(question).__name__}")

    def number(self) -> int:
        """One that no reading or answer of this session has had."""
        return next(self._numbers)

    def held(self) -> tuple[VisionLanguageModel, Lexicon | None]:
        """The model, and its words where it has any; `ModelError` where none is held."""
        if self._model is None:
            raise ModelError("no model is held: load one first")
        return self._model, self._words

    @property
    def network(self) -> torch.nn.Module | None:
        """The model's own modules; None where no model is held."""
        return self._model.network if self._model is not None else None

    def wordy(self, k: int = 1) -> Wordy:
        """The model held and its words; `UsageError` where it has none, or fewer than one is asked for."""
        model, words = self.held()
        if words is None or self._finder is None:
            raise UsageError(f"{model.name} has no words: {model.family.wordless}")
        if k < 1:
            raise UsageError(f"{k} words cannot be looked for: -k must be at least 1")
        return Wordy(model, words, self._finder)

    def layers_of(self, reading: str, progress: Progress) -> LayersOf:
        """A reading that is still kept, and the language model with all of its layers, which are loaded for it."""
        held = self.deep(reading, progress)
        return LayersOf(held.model, self.readings, reading, progress)

    def deep(self, reading: str, progress: Progress) -> Wordy:
        """The model held with all of its language model's layers, which are loaded for a reading that is still kept."""
        self.speaker(reading, progress)
        return self.wordy()

    def speaker(self, reading: str, progress: Progress) -> VisionLanguageModel:
        """The model held as `deep` has it, also one whose pictures do not enter its prompt."""
        self.readings[reading]
        return self.whole(progress)

    def matching(self, progress: Progress) -> VisionLanguageModel:
        """The model held with both of its towers, of which the text's is loaded; `UsageError` for a model without."""
        model, _ = self.held()
        return model if why_no_text_tower(model.family) else self.whole(progress)

    def whole(self, progress: Progress) -> VisionLanguageModel:
        """The model held, what was not loaded of it loaded now."""
        model, _ = self.held()
        if not model.whole and self._asked is not None:
            self.load(msgspec.structs.replace(self._asked, layers=True), progress)
        return self.held()[0]

    def verify(self, request: m.Verify, progress: Progress) -> m.Verified:
        """Hold a checkpoint against itself, in the place of the model held."""
        started = time.perf_counter()
        source, checkpoint, processor = _find(request, progress, decoder_layers=None if request.whole else 0)
        missing = ""
        if not model_folder.has_all_layers(checkpoint):
            missing = "its language model's layers are not on this disk: add --whole to fetch them"
        self._drop()
        options = truth.Options(processor, request.device, request.dtype, source.note)
        info, checks = truth.verify(checkpoint, missing, options, progress)
        return m.Verified(info, checks, time.perf_counter() - started)

    def status(self, doing: str) -> m.Status:
        """What is held; may be asked from another thread at any time."""
        model = self._model
        held, total = 0, 0
        if model is not None and model.device.type == "cuda":
            held = torch.cuda.memory_allocated(model.device)
            total = torch.cuda.get_device_properties(model.device).total_memory
        return m.Status(
            pid=os.getpid(),
            model=model.info if model else None,
            process_memory=device.process_memory(),
            device_memory=held,
            device_total=total,
            torch=str(torch.__version__),
            transformers=transformers.__version__,
            devices=self._devices,
            doing=doing,
        )

    def short_of_memory(self, error: Exception) -> bool:
        """Whether the memory did not suffice."""
        if isinstance(error, torch.OutOfMemoryError | MemoryError):
            return True
        return isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)

    def explain(self, error: Exception) -> VlmtuiError:
        """One sentence for what went wrong in torch, transformers or here."""
        text = " ".join(str(error).split())
        if self.short_of_memory(error):
            self.readings.clear()
            gc.collect()
            if torch.cuda.is_available():
                free, total = torch.cuda.mem_get_info()
                torch.cuda.empty_cache()
                have = f"{device.gigabytes(free)} of {device.gigabytes(total)} were free on the GPU"
            else:
                have = f"{device.gigabytes(device.available_memory() or 0)} of memory are available"
            return OutOfMemoryError(
                f"the memory does not suffice ({have}): choose --dtype bfloat16, --device cpu, or a smaller model"
            )
        brief = text if len(text) <= 300 else text[:297] + "..."
        return ModelError(f"the model could not do it: {type(error).__name__}: {brief} (the session's log has more)")

    def _drop(self) -> None:
        """Let go of the model held, its memory on the GPU included."""
        self._forget_ahead()
        self._model, self._words, self._finder, self.holds = None, None, None, ((), [])
        self.readings.clear()
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _find(
    request: m.Load | m.Verify, progress: Progress, decoder_layers: int | None = 0
) -> tuple[catalogue.Source, model_folder.Checkpoint, Path | None]:
    """The checkpoint asked for, and the folder of another processor where one is named."""
    progress(f"looking for {request.model}")
    base = Path(request.base) if request.base is not None else None
    source = catalogue.resolve(request.model, base)
    processor = None
    if request.processor:
        processor = model_folder.find_processor(catalogue.resolve(request.processor, base), progress)
    return source, model_folder.find(source, request.revision, progress, decoder_layers=decoder_layers), processor


def _files(folder: Path) -> list[tuple[str, int, int]]:
    """The files of a checkpoint as they are now: one that was trained on since is another model."""
    files = ((path, path.stat()) for path in folder.resolve().iterdir() if path.is_file())
    return sorted((str(path), stat.st_size, stat.st_mtime_ns) for path, stat in files)


class _Clock:
    """Seconds by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, step: str) -> None:
        now = time.perf_counter()
        self.seconds[step], self._last = now - self._last, now
