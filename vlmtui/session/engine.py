"""Engine of a session: answers every question that needs the model, in the calling thread. No processes, no pipes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import torch
import transformers

from vlmtui.errors import ProtocolError
from vlmtui.models.loading import device, model_folder
from vlmtui.session import batch_read, generation
from vlmtui.session import protocol as m
from vlmtui.session.activations import LAYERS_BYTES, READINGS_BYTES
from vlmtui.session.image_read import read_image
from vlmtui.session.lens_calls import LensCalls
from vlmtui.session.model_state import ModelState, find_checkpoint
from vlmtui.session.request_control import RequestControl
from vlmtui.verify import verification


class Engine:
    """A model with its recent readings, within budgets of bytes, and the lenses that are applied to them."""

    def __init__(self, readings_bytes: int = READINGS_BYTES, layers_bytes: int = LAYERS_BYTES) -> None:
        self.state = ModelState(readings_bytes, layers_bytes)
        self._lenses = LensCalls(self.state)
        self._devices = device.devices()

    def answer(self, question: m.Question, control: RequestControl) -> m.Answer:
        """The answer to a question about a reading or the model, or that loads another one."""
        self.state.ahead.discard_unless(question)
        match question:
            case m.Load():
                return self.state.load(question, control.progress)
            case m.Read():
                return read_image(self.state, question, control.progress)
            case m.Verify():
                return self._verify(question, control.progress)
            case m.ReadMany():
                return batch_read.read_many(self.state, question, control)
            case m.Compute():
                return self._lenses.compute(question, control)
            case m.Describe():
                return self._lenses.describe(question, control)
            case m.Forget():
                self.state.readings.forget(question.reading)
                return m.Done()
            case m.Generate():
                return generation.generate(self.state, question, control)
        raise ProtocolError(f"the session does not support the request {type(question).__name__}")

    def rest(self) -> None:
        """Discard, without waiting, what was preprocessed for a question that has not come: there is nothing to do."""
        self.state.ahead.discard(wait=False)

    def _verify(self, request: m.Verify, progress: Callable[..., None]) -> m.Verified:
        """Verify a checkpoint, in the place of the loaded model."""
        started = time.perf_counter()
        source, checkpoint, processor = find_checkpoint(request, progress, decoder_layers=None if request.whole else 0)
        missing = ""
        if not model_folder.has_full_decoder(checkpoint):
            missing = "its language model's layers are not on this disk: add --whole to fetch them"
        self.state.unload()
        options = verification.VerifyOptions(processor, request.device, request.dtype, source.note)
        info, checks = verification.verify_checkpoint(checkpoint, missing, options, progress)
        return m.Verified(info, checks, time.perf_counter() - started)

    def status(self, doing: str) -> m.Status:
        """What is loaded, and the memory it takes; may be called from another thread at any time."""
        model = self.state.loaded
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
