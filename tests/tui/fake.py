"""A conversation that answers at once from made-up readings of any shape: the screen without a model.

`python -m tests.tui.fake ROWS COLS VISION_LAYERS LLM_LAYERS IMAGE` opens the explorer on one, for measuring it in a
terminal, and `python -m tests.tui.fake FAMILY IMAGE` on one of a family's shape; the picture must be 640×427
(china.jpg).
"""

from __future__ import annotations

import sys

import msgspec
from PIL import Image

from tests.query.queries import query_of
from tests.tui import lenses, readings, sayings
from tests.tui.families import FAMILIES
from vlmtui.image import ImageFile, read_source
from vlmtui.lenses.lens_source import LensCall, LensSource
from vlmtui.metrics import WordOrder
from vlmtui.reading import Reading
from vlmtui.results.replacement import Replacement
from vlmtui.tui import messages, replies
from vlmtui.tui.app import VlmtuiApp
from vlmtui.tui.options import ExplorerOptions
from vlmtui.tui.session_worker import SessionWorker
from vlmtui.tui.state.generation import LensOf, Wanted


class FakeWorker(SessionWorker):
    """Every question is answered as soon as it is put."""

    def __init__(
        self,
        options: ExplorerOptions,
        size: tuple[int, int],
        shape: tuple[int, int],
        pieces: dict[int, str] | None = None,
        made: Reading | None = None,
    ) -> None:
        super().__init__(options)
        self.made = made
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
        self.left = 0
        self.no_layers = ""
        self.slow_layers = False
        self.said = "blue sky"
        self.no_answer = ""
        self.slow_answer = False
        self.slow_findings = False
        self.questions: list[str | None] = []
        self.asked_about: list[Wanted] = []
        self.taken: list[tuple[tuple[int, ...], Replacement]] = []
        self.stopped = 0

    @property
    def alive(self) -> bool:
        return self.running

    def start(self) -> None:
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
        self.post(messages.PictureRead(reading))

    def words(self, reading: str, stage: str, order: WordOrder, k: int, tokens: tuple[int, ...]) -> None:
        self.asked.append((order, k, tokens))
        self.post(messages.WordsArrived(reading, stage, readings.words(list(tokens), k, order, self.pieces, stage)))

    def layers(self, reading: str) -> None:
        self.asked_layers.append(reading)
        if self.no_layers:
            self.post(messages.LayersFailed(self.no_layers))
        elif not self.slow_layers:
            self.bring_layers(reading)

    def bring_layers(self, reading: str) -> None:
        made = self.made or readings.reading(*self.shape)
        self.post(messages.LayersArrived(readings.layers(made, reading)))

    def leave_layers(self) -> None:
        self.left += 1

    def layer_words(self, reading: str, token: int) -> None:
        self.asked_tokens.append(token)
        made = self.made or readings.reading(*self.shape)
        self.post(messages.LayerWordsArrived(reading, readings.layer_words(token, made.model.llm_layers)))

    def describe(self, source: LensSource) -> None:
        self.described.append(source)
        if self.no_lens:
            self.post(messages.LensFailed(source, self.no_lens))
        else:
            self.post(messages.LensDescribed(source, lenses.description(source)))

    def values(self, reading: str, stage: str, lens: LensCall, entry: int | None = None) -> None:
        if entry is None:
            self.asked_values.append((stage, lens))
        else:
            self.asked_singles.append((stage, lens, entry))
        made = self.made or readings.reading(*self.shape)
        if self.no_values:
            self.post(messages.ValuesFailed(reading, stage, lens, self.no_values))
        elif not self.slow_values:
            found = (lenses.found if lens.lens.foreign else readings.values)(made, stage, lens)
            self.post(messages.ValuesArrived(reading, found, entry))

    def leave_lens(self) -> None:
        self.left_lens += 1

    def values_ahead(self, reading: str, stage: str, lens: LensCall) -> None:
        self.asked_ahead.append((stage, lens))
        if self.answers_ahead:
            made = self.made or readings.reading(*self.shape)
            found = (lenses.found if lens.lens.foreign else readings.values)(made, stage, lens)
            self.post(messages.ValuesArrived(reading, found))

    def answer(self, number: int, reading: str, question: str | None) -> None:
        self.questions.append(question)
        if self.no_answer:
            self.post(replies.AnswerFailed(number, self.no_answer))
            return
        answer = sayings.answer(self.said, question or "Describe the image.", f"answer-{number}")
        for said in sayings.sayings(answer):
            self.post(replies.TokenSaid(number, said))
            if self.slow_answer:
                return
        self.post(replies.AnswerGiven(number, answer))

    def ablate(self, number: int, reading: str, answer: str, tokens: tuple[int, ...], by: Replacement) -> None:
        self.taken.append((tokens, by))
        before = sayings.answer(self.said, "", answer)
        ablation = sayings.ablation(before, tokens, by)
        self.post(replies.TokenSaid(number, sayings.sayings(ablation.again)[0]))
        if not self.slow_answer:
            self.post(replies.AblationArrived(number, ablation))

    def look(self, number: int, reading: str, answer: str, wanted: Wanted) -> None:
        self.asked_about.append(wanted)
        if not self.slow_findings:
            self.bring_finding(number, answer, wanted)

    def bring_finding(self, number: int, answer: str, wanted: Wanted) -> None:
        made = self.made or readings.reading(*self.shape)
        if isinstance(wanted, LensOf):
            if self.no_values:
                self.post(replies.FindingFailed(number, wanted, self.no_values))
                return
            self.post(replies.FindingArrived(number, wanted, lenses.found(made, "tokens", wanted.call)))
            return
        found = sayings.finding(made, sayings.answer(self.said, "", answer), wanted)
        self.post(replies.FindingArrived(number, wanted, found))

    def leave_answer(self) -> None:
        self.stopped += 1

    def patch(self, reading: str, patch: int) -> None:
        self.asked_patches.append(patch)
        if self.no_patches:
            self.post(messages.PatchFailed(reading, patch, self.no_patches))
        else:
            self.post(messages.PatchArrived(reading, readings.anatomy(patch)))

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
    **options: object,
) -> VlmtuiApp:
    """The application on a made-up picture and reading; `made` is one of another shape."""
    if made is not None:
        size = made.image.width, made.image.height
    image = photo or readings.picture(*size)
    query = query_of("toy", **options)  # type: ignore[arg-type]
    chosen = ExplorerOptions(image=readings.source(image), query=query)
    return VlmtuiApp(FakeWorker(chosen, size, shape, pieces=pieces, made=made), image)


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
    VlmtuiApp(conversation, picture).run()


if __name__ == "__main__":
    main()
