"""A session worker that answers at once from made-up readings of any shape: the screen without a model.

`python -m tests.tui.fake ROWS COLS VISION_LAYERS LLM_LAYERS IMAGE` opens the explorer on one, for measuring it in a
terminal, and `python -m tests.tui.fake FAMILY IMAGE` on one of a family's shape; the picture must be 640×427
(china.jpg).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import msgspec
from PIL import Image

from tests.query.queries import query_of
from tests.tui import lenses, readings, sayings
from tests.tui.families import FAMILIES
from vlmtui.images.image_file import ImageFile, read_source
from vlmtui.lenses.lens_source import LensCall, LensSource
from vlmtui.metrics import WordOrder
from vlmtui.reading import Reading
from vlmtui.results.replacement import Replacement
from vlmtui.tui import launch, messages
from vlmtui.tui.app import VlmtuiApp
from vlmtui.tui.options import ExplorerOptions, ExplorerSettings
from vlmtui.tui.session_worker import SessionWorker
from vlmtui.tui.state.subject import (
    AHEAD,
    OF_LAYERS,
    AblateAnswer,
    AgreementLens,
    GenerateAnswer,
    LayersLens,
    LayerWordsLens,
    LensRequest,
    NoiseLens,
    PatchLens,
    WordsLens,
)

LOCAL_WORDS = "local-words"


class FakeWorker(SessionWorker):
    """Every question is answered as soon as it is put."""

    def __init__(
        self,
        options: ExplorerOptions,
        size: tuple[int, int],
        shape: tuple[int, int],
        pieces: dict[int, str] | None = None,
        made: Reading | None = None,
        lists: Sequence[Sequence[str]] | None = None,
    ) -> None:
        super().__init__(options)
        self.made = made
        self.lists = lists
        self.size, self.shape, self.pieces = size, shape, pieces
        self.running = True
        self.slow = False
        self.begun = 0
        self.asked: list[tuple[WordOrder, int, tuple[int, ...]]] = []
        self.asked_layers: list[str] = []
        self.asked_tokens: list[int] = []
        self.asked_values: list[tuple[str, LensCall]] = []
        self.asked_ahead: list[tuple[str, LensCall]] = []
        self.asked_singles: list[tuple[str, LensCall, int]] = []
        self.described: list[LensSource] = []
        self.no_lens = ""
        self.slow_values = False
        self.left_lens = 0
        self.answers_ahead = False
        self.no_values = ""
        self.asked_patches: list[int] = []
        self.no_patches = ""
        self.anatomy = readings.anatomy
        self.left = 0
        self.no_layers = ""
        self.slow_layers = False
        self.said = "blue sky"
        self.no_answer = ""
        self.slow_answer = False
        self.slow_findings = False
        self.questions: list[str | None] = []
        self.asked_about: list[object] = []
        self.taken: list[tuple[tuple[int, ...], Replacement]] = []
        self.stopped = 0

    @property
    def alive(self) -> bool:
        return self.running

    def start(self, may_ask: bool = False) -> None:
        self.running = True

    def begin(self) -> None:
        self.running = True
        self.begun += 1
        self.introduce()
        self.post(messages.ModelLoaded(self.made.model if self.made else readings.model(self.model)))
        if not self.slow:
            self.read(self.image)

    def read(self, image: ImageFile) -> None:
        id_ = f"r{self.begun}"
        if self.made is not None:
            reading = msgspec.structs.replace(self.made, id=id_)
        else:
            reading = readings.reading(*self.shape, *self.size, id=id_)
        self.post(messages.ImageRead(reading))

    @property
    def reading(self) -> Reading:
        return self.made or readings.reading(*self.shape)

    def send(self, request: LensRequest) -> None:
        subject, lens = request.subject, request.lens
        entry = subject.entry or 0
        match lens:
            case WordsLens(order):
                self.asked.append((order, request.k, request.tokens))
                if self.lists is None:
                    words = readings.words(list(request.tokens), request.k, order, self.pieces, subject.stage)
                else:
                    words = readings.listed_words(self.lists, list(request.tokens), request.k, order)
                self.post(messages.RequestAnswered(request, words))
            case LayersLens():
                self.asked_layers.append(request.reading)
                if self.no_layers:
                    self.post(messages.RequestFailed(request, self.no_layers))
                elif not self.slow_layers:
                    self.bring_layers(request.reading)
            case LayerWordsLens():
                self.asked_tokens.append(entry)
                words_by_layer = readings.layer_words(entry, self.reading.model.llm_layers)
                self.post(messages.RequestAnswered(request, words_by_layer))
            case PatchLens():
                self.asked_patches.append(entry)
                failed = messages.RequestFailed(request, self.no_patches)
                self.post(failed if self.no_patches else messages.RequestAnswered(request, self.anatomy(entry)))
            case NoiseLens():
                self.noise(request, lens)
            case AgreementLens():
                self.agreement(request)
            case GenerateAnswer(question):
                self.answer(request, question)
            case AblateAnswer(tokens, by):
                self.ablate(request, tokens, by)
            case LensCall() if not subject.answer:
                self.values(request, lens)
            case _ if subject.stage != "image":
                self.asked_about.append(lens)
                if not self.slow_findings:
                    self.bring_finding(request)

    def bring_layers(self, reading: str) -> None:
        request = LensRequest(reading, *OF_LAYERS)
        self.post(messages.RequestAnswered(request, readings.layers(self.reading, reading)))

    def describe(self, source: LensSource) -> None:
        self.described.append(source)
        described = None if self.no_lens else lenses.description(source)
        self.post(messages.LensDescribed(source, described, self.no_lens))

    def values(self, request: LensRequest, call: LensCall) -> None:
        stage, entry = request.subject.stage, request.subject.entry
        if call.name == LOCAL_WORDS:
            # asked in passing, by whoever goes through the overlays
            self.post(messages.RequestAnswered(request, readings.local_words(self.reading, stage, call, self.lists)))
            return
        found = (lenses.found if call.lens.foreign else readings.values)(self.reading, stage, call)
        if request.when == AHEAD:
            self.asked_ahead.append((stage, call))
            if self.answers_ahead:
                self.post(messages.RequestAnswered(request, found))
            return
        if entry is None:
            self.asked_values.append((stage, call))
        else:
            self.asked_singles.append((stage, call, entry))
        if self.no_values:
            self.post(messages.RequestFailed(request, self.no_values))
        elif not self.slow_values:
            self.post(messages.RequestAnswered(request, found))

    def noise(self, request: LensRequest, lens: NoiseLens) -> None:
        """Of noise nothing comes."""

    def agreement(self, request: LensRequest) -> None:
        """Of metrics nothing comes."""

    def answer(self, request: LensRequest, question: str | None) -> None:
        self.questions.append(question)
        if self.no_answer:
            self.post(messages.RequestFailed(request, self.no_answer))
            return
        answer = sayings.answer(self.said, question or "Describe the image.", f"answer-{request.subject.answer}")
        for said in sayings.sayings(answer):
            self.post(messages.TokenGenerated(request, said))
            if self.slow_answer:
                return
        self.post(messages.RequestAnswered(request, answer))

    def ablate(self, request: LensRequest, tokens: tuple[int, ...], by: Replacement) -> None:
        self.taken.append((tokens, by))
        before = sayings.answer(self.said, "", request.answer_id)
        ablation = sayings.ablation(before, tokens, by)
        self.post(messages.TokenGenerated(request, sayings.sayings(ablation.again)[0]))
        if not self.slow_answer:
            self.post(messages.RequestAnswered(request, ablation))

    def bring_finding(self, request: LensRequest) -> None:
        if isinstance(request.lens, LensCall):
            if self.no_values:
                self.post(messages.RequestFailed(request, self.no_values))
            else:
                self.post(messages.RequestAnswered(request, lenses.found(self.reading, "tokens", request.lens)))
            return
        found = sayings.finding(self.reading, sayings.answer(self.said, "", request.answer_id), request.lens)
        self.post(messages.RequestAnswered(request, found))

    def cancel(self, request: LensRequest) -> None:
        match request.lens:
            case LayersLens():
                self.left += 1
            case LensCall():
                self.left_lens += 1
            case _:
                self.stopped += 1

    def status(self) -> None:
        pass

    def close(self) -> None:
        self.running = False


def app(
    shape: tuple[int, int] = (6, 8),
    size: tuple[int, int] = (96, 64),
    pieces: dict[int, str] | None = None,
    made: Reading | None = None,
    photo: Image.Image | None = None,
    lists: Sequence[Sequence[str]] | None = None,
    settings: Callable[[], ExplorerSettings] = ExplorerSettings,
    **options: object,
) -> VlmtuiApp:
    """The application on a made-up picture and reading; `made` is one of another shape, `lists` the words of each
    token, best first. Words are compared with those of noise by `noise=True` alone."""
    if made is not None:
        size = made.image.width, made.image.height
    image = photo or readings.picture(*size)
    query = query_of("toy", **({"noise": False} | options))  # type: ignore[arg-type]
    chosen = ExplorerOptions(image=readings.source(image), query=query, settings=settings)
    return VlmtuiApp(FakeWorker(chosen, size, shape, pieces=pieces, made=made, lists=lists), image)


def main() -> None:
    source = read_source(sys.argv[-1])
    picture = Image.open(sys.argv[-1]).convert("RGB")
    if sys.argv[1] in FAMILIES:
        made = FAMILIES[sys.argv[1]]()
    else:
        rows, cols, vision, llm = (int(word) for word in sys.argv[1:5])
        made = readings.reading(rows, cols, *picture.size, layers=vision, llm_layers=llm)
    options = ExplorerOptions(image=source, query=query_of("toy"))
    conversation = FakeWorker(options, picture.size, (made.grids[0].rows, made.grids[0].cols), made=made)
    sys.exit(launch.show(conversation, picture))


if __name__ == "__main__":
    main()
