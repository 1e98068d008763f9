"""Hub files: the file names of one commit, its small files, and byte ranges of its large ones.

huggingface_hub provides addresses, tokens, proxies and offline mode; ranges are plain GET requests over its session.
"""

from __future__ import annotations

import contextlib
import functools
import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

from vlmtui import cache
from vlmtui._version import __version__
from vlmtui.display.numbers import format_bytes
from vlmtui.errors import ModelError, one_line
from vlmtui.json_files import MOST_BYTES
from vlmtui.models.loading import safetensors_header
from vlmtui.models.loading.hub_errors import explain_nonsense
from vlmtui.models.loading.range_requests import ConnectionLostError, retry

# bytes of the first request for a header: most headers are shorter, longer ones take a second request
_FIRST = 16 << 10
# bytes to leave free on the disk
_SPARE = 64 << 20
_CONNECT_S = 10.0
_READ_S = 30.0
_COMMIT = re.compile("[0-9a-f]{40}")
_MAY_PASS = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass
class HubCommit:
    """A commit of hub model `name`. `files` are all its file paths."""

    name: str
    commit: str
    files: frozenset[str]
    _places: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, name: str, revision: str | None) -> HubCommit:
        """Resolve a revision of a model to its commit on the hub."""
        with explain_nonsense(name):
            info = HfApi().model_info(name, revision=revision, timeout=_READ_S)
            if not info.sha:
                raise ModelError(f"{name} has no commit on the hub: choose another model")
            if not _COMMIT.fullmatch(info.sha):  # it will be the name of a folder
                raise ValueError(f"{info.sha[:60]!r} is no commit")
            files = [file.rfilename for file in info.siblings or ()]
            if odd := [file for file in files if not isinstance(file, str)]:
                raise TypeError(f"{odd[0]!r:.60} is no name of a file")
            return cls(name, info.sha, frozenset(files))

    def fetch(self, file: str, folder: Path) -> None:
        """Download one small file into a folder."""
        with explain_nonsense(self.name):
            hf_hub_download(self.name, file, revision=self.commit, local_dir=folder, tqdm_class=silent_bar())

    def text(self, file: str) -> bytes:
        """The bytes of one small file."""
        place, head = self._place(file)
        with get_session().stream("GET", place, headers=head, timeout=_timeout(), follow_redirects=True) as response:
            hf_raise_for_status(response)
            text = bytearray()
            for block in response.iter_bytes():
                text += block
                if len(text) > MOST_BYTES:
                    break  # which no reader of it takes
        return bytes(text)

    def header(self, file: str) -> list[safetensors_header.Tensor]:
        """The tensors of a safetensors file. `ModelError` where its size contradicts its header."""
        return self.header_and_size(file)[0]

    def header_and_size(self, file: str) -> tuple[list[safetensors_header.Tensor], int]:
        """The tensors of a safetensors file, and its size in bytes, which its header must not contradict."""
        try:
            first, size = self._read(file, 0, _FIRST)
            count = safetensors_header.length(first)
            end = safetensors_header.LENGTH_BYTES + count
            if end > size:
                raise ValueError("its header is truncated")
            if end > len(first):
                first += self._read(file, len(first), end - len(first))[0]
            tensors, wanted = safetensors_header.parse(first[safetensors_header.LENGTH_BYTES : end])
            if wanted != size:
                raise ValueError(f"{size:,} bytes where {wanted:,} are expected")
        except ValueError as error:
            raise ModelError(
                f"{file} of {self.name} is damaged on the hub ({one_line(error)}): tell its authors, or choose another "
                "revision"
            ) from error
        return tensors, size

    @contextlib.contextmanager
    def open(self, file: str, start: int, size: int) -> Iterator[Iterator[bytes]]:
        """Stream the bytes [start, start + size) of a file. `ConnectionLostError` where another try may succeed."""
        with self._range(file, start, size) as (response, _):
            # unbuffered: what a buffer still gathers would be lost when the connection breaks
            yield response.iter_raw()

    def _read(self, file: str, start: int, size: int) -> tuple[bytes, int]:
        """At most `size` bytes from `start` on, and the size of the whole file."""

        def attempt() -> tuple[bytes, int]:
            with self._range(file, start, size) as (response, whole):
                found = bytearray()
                for block in response.iter_raw():
                    found += block
                    if len(found) >= size:  # more was not asked for, and may have no end
                        break
                return bytes(found[:size]), whole

        return retry(attempt)

    @contextlib.contextmanager
    def _range(self, file: str, start: int, size: int) -> Iterator[tuple[Any, int]]:
        place, head = self._place(file)
        asked = {**head, "Range": f"bytes={start}-{start + size - 1}"}
        try:
            with get_session().stream(
                "GET", place, headers=asked, timeout=_timeout(), follow_redirects=True
            ) as response:
                if response.status_code in _MAY_PASS:
                    raise ConnectionLostError(f"the hub returned status {response.status_code}")
                if response.status_code in (401, 403) and "authorization" not in head:
                    # a signed address of the storage behind the hub expires
                    self._forget(file)
                    raise ConnectionLostError(f"the hub's storage returned status {response.status_code}")
                hf_raise_for_status(response)
                yield response, self._checked(response, file, start, size)
        except httpx2.TransportError as error:
            raise ConnectionLostError(one_line(error)) from error

    def _checked(self, response: Any, file: str, start: int, size: int) -> int:
        """The size of the whole file. `ModelError` for a response that has other bytes than those requested."""
        said = str(response.headers.get("Content-Range", ""))
        span, _, whole = said.removeprefix("bytes ").partition("/")
        if response.status_code != 206 or not whole.isdigit():
            raise ModelError(
                f"{urlsplit(str(response.url)).netloc} sent all of {file} where a part was requested (status "
                f"{response.status_code}): unset HF_ENDPOINT or the proxy, or download it with `hf download "
                f"{self.name}`"
            )
        if span != f"{start}-{min(start + size, int(whole)) - 1}":
            raise ModelError(f"the hub sent other bytes of {file} of {self.name} than were requested: try again later")
        return int(whole)

    def _place(self, file: str) -> tuple[str, dict[str, str]]:
        """The address of a file's bytes and the request headers: the user's token is sent to the hub's host only."""
        with self._lock:
            if file in self._places:
                return self._places[file]
        url = hf_hub_url(self.name, file, revision=self.commit)
        with explain_nonsense(self.name):
            found = get_hf_file_metadata(url, library_name="vlmtui", library_version=__version__).location
        head = build_hf_headers(library_name="vlmtui", library_version=__version__)
        if _host(found) != _host(url):
            head.pop("authorization", None)
        # a compressed response would not have the file's own bytes
        head["Accept-Encoding"] = "identity"
        with self._lock:
            return self._places.setdefault(file, (found, head))

    def _forget(self, file: str) -> None:
        with self._lock:
            self._places.pop(file, None)


def check_room(name: str, size: int, place: Path) -> None:
    """`ModelError` where the disk of the folder `place` has no room for so many bytes more of the model `name`."""
    free = shutil.disk_usage(place).free
    if size + _SPARE > free:
        raise ModelError(
            f"{name} needs {format_bytes(size)} more on the disk of {cache.folder()}, which has {format_bytes(free)} "
            f"free: free some space, or name a folder on another disk with {cache.ENVIRONMENT}"
        )


def _timeout() -> Any:
    return httpx2.Timeout(_READ_S, connect=_CONNECT_S)


def _host(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


@functools.cache
def silent_bar() -> Any:
    """A progress bar class that shows nothing: the terminal belongs to the clients."""
    from tqdm.auto import tqdm

    class Silent(tqdm):  # type: ignore[misc]
        monitor_interval = 0  # no thread that watches it, of which each class has one

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **{**options, "disable": True})

    return Silent
