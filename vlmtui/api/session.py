"""A session with a loaded model, which reads images."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any

from vlmtui.api.arguments import check_flag, check_list, check_type
from vlmtui.api.image_argument import ImageArgument, image_file
from vlmtui.api.progress import ProgressBars, in_notebook, wait_for
from vlmtui.api.reading import ImageReading
from vlmtui.catalogue import default_model
from vlmtui.errors import UsageError
from vlmtui.images.decoding import MAX_PIXELS
from vlmtui.images.levels import Levels
from vlmtui.metrics import DEFAULT_METRIC
from vlmtui.query.options import ReadOptions, read_image
from vlmtui.reading import ModelInfo, check_stage, of_layers, stages
from vlmtui.reports.commands.outliers import ImageOutliers, outliers_object
from vlmtui.results.vocabulary import Near, VocabularyRows, WordNeighbours
from vlmtui.session.client import SessionClient
from vlmtui.session.discovery import SessionLocation, connect


class Session:
    """A model loaded in a session: the warm one, one on another machine, or a private one.

    Close it, or use it as a context manager. Every method raises a `VlmtuiError` that says what to do.
    """

    def __init__(self, client: SessionClient, model: ModelInfo) -> None:
        self._client = client
        self.model = model

    def read(
        self, image: ImageArgument, *, prompt: str | None = None, max_pixels: int = MAX_PIXELS, levels: Levels = "auto"
    ) -> ImageReading:
        """Read an image: a path, an address, a file's bytes, an open file, a Pillow image, an array or a tensor.

        An array is [height, width], [height, width, channels] or [channels, height, width], of uint8 or of floats from
        0 to 1; where both ends could be the 1, 3 or 4 channels, an array has them last and a tensor first.
        """
        source = image_file(image)
        how = ReadOptions(prompt, max_pixels, levels)
        read = wait_for(self._client, read_image(self._client, source, how))
        return ImageReading(self._client, read, source, how)

    def outliers(self, pictures: Sequence[ImageReading], stage: str | None = None) -> dict[str, Any]:
        """Whether outliers are at the same positions in several images: the object that `vlmtui outliers` prints.

        Of every stage up to the tokens, or of one.
        """
        every = tuple(at for at in stages(self.model) if not of_layers(at))
        asked = every if stage is None else (check_stage(stage, self.model, pixels=True),)
        read = check_list("pictures", pictures, ImageReading)
        found = outliers_object(ImageOutliers(one.data, {at: one.outliers(at).ravel() for at in asked}) for one in read)
        if found is None:
            raise UsageError("outliers are compared across images: give one or more readings")
        return found

    def vocabulary(self, k: int = 8, *, all_tokens: bool = False, named: bool = False) -> VocabularyRows:
        """Norms of the vocabulary's rows: the k smallest and largest, and identical rows; with `named`, all of them."""
        return wait_for(self._client, self._client.vocabulary(k, all_tokens, named))

    def near(self, word: str, metric: Near = DEFAULT_METRIC, *, k: int = 8, all_tokens: bool = False) -> WordNeighbours:
        """The k words nearest to a word; one of several pieces is looked up by its mean vector."""
        return wait_for(self._client, self._client.near(word, metric, k, all_tokens))

    def close(self) -> None:
        """Leave the session; a private one ends."""
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
    """Load a model: a hub name, a folder or an alias; without one `VLMTUI_MODEL`, or the demo model.

    The warm session is used where there is one, unless `warm` is False; `remote` names a host to reach through ssh.
    Long requests show a progress bar: in a notebook, or wherever `progress` is True.
    """
    check_flag("warm", warm)
    if remote is not None:
        check_type("remote", remote, str)
    if progress is not None:
        check_flag("progress", progress)
    client = connect(SessionLocation(remote, warm=warm))
    if in_notebook() if progress is None else progress:
        client.on_progress = ProgressBars()
    try:
        name = default_model() if model is None else model
        info = wait_for(client, client.load(name, revision=revision, processor=processor, device=device, dtype=dtype))
    except BaseException:
        client.close()
        raise
    return Session(client, info)
