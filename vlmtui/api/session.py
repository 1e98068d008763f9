"""A session that holds a model, and reads pictures with it."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any

from vlmtui.api.arguments import several
from vlmtui.api.image_argument import Picture, source_of
from vlmtui.api.progress import Bars, in_notebook
from vlmtui.api.reading import PictureReading
from vlmtui.api.waiting import result
from vlmtui.catalogue import default_model
from vlmtui.errors import UsageError
from vlmtui.image import MAX_PIXELS
from vlmtui.reading import ModelInfo, check_stage, of_layers, stages
from vlmtui.reports.commands.outliers import ImageOutliers, outliers_object, summarise_outliers
from vlmtui.results.vocabulary import Near, VocabularyRows, WordNeighbours
from vlmtui.session.client import SessionClient
from vlmtui.session.discovery import SessionLocation, connect


class Session:
    """A model that is held by a session: the warm one, one on another machine, or one of its own.

    To be closed, or used as a context manager. Every method raises a `VlmtuiError` that says what to do.
    """

    def __init__(self, client: SessionClient, model: ModelInfo) -> None:
        self._client = client
        self.model = model

    def read(self, image: Picture, *, prompt: str | None = None, max_pixels: int = MAX_PIXELS) -> PictureReading:
        """Look at a picture: a path, an address, a file's bytes, a Pillow image, or uint8 [height, width, 3]."""
        source = source_of(image)
        read = result(self._client, self._client.read(source, max_pixels=max_pixels, prompt=prompt))
        return PictureReading(self._client, read, source, max_pixels)

    def outliers(self, pictures: Sequence[PictureReading], stage: str | None = None) -> dict[str, Any]:
        """Whether outliers come at the same positions in several pictures: `vlmtui outliers`' object, of every stage
        up to the tokens, or of one."""
        every = tuple(at for at in stages(self.model) if not of_layers(at))
        asked = every if stage is None else (check_stage(stage, self.model, pixels=True),)
        read = several("pictures", pictures, PictureReading)
        whole = summarise_outliers(
            ImageOutliers(one.data, {at: one.outliers(at).ravel() for at in asked}) for one in read
        )
        if whole is None:
            raise UsageError("outliers are compared from picture to picture: give some that were read")
        return outliers_object(whole)

    def vocabulary(self, k: int = 8, *, all_tokens: bool = False, named: bool = False) -> VocabularyRows:
        """The norms of the vocabulary's rows, the k smallest and largest, which are alike; all named, if `named`."""
        return result(self._client, self._client.vocabulary(k, all_tokens, named))

    def near(self, word: str, metric: Near = "l2", *, k: int = 8, all_tokens: bool = False) -> WordNeighbours:
        """The k words nearest to a word, and what stands for it where that is several pieces."""
        return result(self._client, self._client.near(word, metric, k, all_tokens))

    def close(self) -> None:
        """Let go of the session; one of its own ends."""
        self._client.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<vlmtui session with {self.model.name} on {self.model.device}>"


def open_session(
    model: str | None = None,
    *,
    revision: str | None = None,
    processor: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    remote: str | None = None,
    warm: bool = True,
    progress: bool | None = None,
) -> Session:
    """Hold a model: a hub name, a folder or an alias; without one `VLMTUI_MODEL`, or the demo model.

    The warm session is used where there is one, unless `warm` is False; `remote` names a host to be reached by ssh.
    While something takes its time a bar says how far it is: in a notebook, or wherever `progress` is True.
    """
    client = connect(SessionLocation(remote, warm=warm))
    if in_notebook() if progress is None else progress:
        client.on_progress = Bars()
    try:
        name = default_model() if model is None else model
        held = result(client, client.load(name, revision=revision, processor=processor, device=device, dtype=dtype))
    except BaseException:
        client.close()
        raise
    return Session(client, held)
