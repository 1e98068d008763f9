"""A conversation that answers at once from made-up readings of any shape: the screen without a model.

`python -m tests.tui.fake ROWS COLS LAYERS IMAGE` opens the explorer on one, for measuring it in a terminal.
"""

from __future__ import annotations

import sys

from PIL import Image

from tests.tui import readings
from vlmtui.image import SourceBytes, read_source
from vlmtui.reading import Metric
from vlmtui.reports import Query
from vlmtui.tui import messages
from vlmtui.tui.app import VlmtuiApp
from vlmtui.tui.conversation import Conversation
from vlmtui.tui.options import ExplorerOptions


class FakeConversation(Conversation):
    """Every question is answered as soon as it is put."""

    def __init__(
        self,
        options: ExplorerOptions,
        size: tuple[int, int],
        shape: tuple[int, int],
        layers: int = readings.LAYERS,
        pieces: dict[int, str] | None = None,
    ) -> None:
        super().__init__(options)
        self.size, self.shape, self.layers, self.pieces = size, shape, layers, pieces
        self.running = True
        self.slow = False
        self.begun = 0
        self.asked: list[tuple[Metric, int, tuple[int, ...]]] = []

    @property
    def alive(self) -> bool:
        return self.running

    def start(self) -> None:
        self.running = True

    def begin(self) -> None:
        self.running = True
        self.begun += 1
        self.post(messages.ModelLoaded(readings.model(self.model)))
        if not self.slow:
            self.read(self.image)

    def read(self, image: SourceBytes) -> None:
        reading = readings.reading(*self.shape, *self.size, layers=self.layers, id=f"r{self.begun}")
        self.post(messages.PictureRead(reading))

    def words(self, reading: str, metric: Metric, k: int, tokens: tuple[int, ...]) -> None:
        self.asked.append((metric, k, tokens))
        self.post(messages.WordsArrived(reading, readings.words(list(tokens), k, metric, self.pieces)))

    def status(self) -> None:
        pass

    def close(self) -> None:
        self.running = False


def app(
    shape: tuple[int, int] = (6, 8),
    size: tuple[int, int] = (96, 64),
    pieces: dict[int, str] | None = None,
    **options: object,
) -> VlmtuiApp:
    """The application on a made-up picture and reading."""
    image = readings.picture(*size)
    query = Query(model="toy", **options)  # type: ignore[arg-type]
    chosen = ExplorerOptions(image=readings.source(image), query=query)
    return VlmtuiApp(FakeConversation(chosen, size, shape, pieces=pieces), image)


def main() -> None:
    rows, cols, layers = (int(word) for word in sys.argv[1:4])
    source = read_source(sys.argv[4])
    picture = Image.open(sys.argv[4]).convert("RGB")
    conversation = FakeConversation(
        ExplorerOptions(image=source, query=Query(model="toy")), picture.size, (rows, cols), layers
    )
    VlmtuiApp(conversation, picture).run()


if __name__ == "__main__":
    main()
