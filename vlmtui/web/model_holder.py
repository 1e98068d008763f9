"""The model of the server: a private session, used by one thread, and started again when it dies."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar
from weakref import WeakSet

from vlmtui.errors import CancelledError, ModelError, OutOfMemoryError
from vlmtui.query.options import LoadOptions, load_model
from vlmtui.session import protocol as m
from vlmtui.session.client import SessionClient
from vlmtui.session.reconnecting import OnAnswerProgress, OnProgress
from vlmtui.session.transport import PipeLink
from vlmtui.web.refusals import RefusedError

_T = TypeVar("_T")


class CancellableClient(SessionClient):
    """A session client whose current request can be cancelled by another thread than the one that waits for it."""

    def __init__(self, link: PipeLink) -> None:
        self._asking = threading.Lock()
        self._withdrawn = False
        self._latest: tuple[m.Question, Future[Any]] | None = None
        super().__init__(link)

    def ask(
        self,
        body: m.Question,
        unpack: Callable[[Any], Any],
        on_progress: OnProgress | None = None,
        on_token: OnAnswerProgress | None = None,
    ) -> Future[Any]:
        """As `ReconnectingClient.ask` until `withdraw`; after that, requests fail without being sent."""
        if isinstance(body, m.Cancel):
            return super().ask(body, unpack, on_progress, on_token)
        with self._asking:  # a withdrawal comes before a request or after it
            if not self._withdrawn:
                future = super().ask(body, unpack, on_progress, on_token)
                self._latest = body, future
                return future
        future = Future()
        future.set_exception(_withdrawn())
        return future

    def begin(self) -> None:
        """Begin work for a new HTTP request: requests are sent again."""
        self._withdrawn = False

    def withdraw(self) -> None:
        """Cancel the current request, except the loading of a model, which the next one may use."""
        with self._asking:
            self._withdrawn = True
            latest = self._latest
        if latest is not None and not isinstance(latest[0], m.Load):
            self.cancel(latest[1])


class ModelHolder:
    """Holds one model at a time; work on it is done in turn, in one thread."""

    def __init__(self, first: LoadOptions) -> None:
        self._first = first
        self._worker = ThreadPoolExecutor(1, "model")
        self._lock = threading.RLock()
        self._client: CancellableClient | None = None
        self._held: str | None = None
        self._loading: Future[None] | None = None
        self._running: Future[Any] | None = None
        self._withdrawn: WeakSet[Future[Any]] = WeakSet()
        self._closed = False

    @property
    def ready(self) -> bool:
        """Whether there is a session with a model, busy or not."""
        client = self._client
        return client is not None and client.alive and self._held is not None

    @property
    def pid(self) -> int | None:
        """The process of the session, None where there is none."""
        return self._client.pid if self._client is not None else None

    def wake(self) -> Future[None]:
        """Start a session with the first model, unless there is one with a model."""
        if self._loading is None or (self._loading.done() and not self.ready):
            self._loading = self._worker.submit(self._begin)
        return self._loading

    def _begin(self) -> None:
        with self._lock:
            self._running = None
        self._hold(self._first)

    def work(self, options: LoadOptions, job: Callable[[SessionClient], _T]) -> Future[_T]:
        """Run `job` with a model. The future fails with the error of the model, the session or the job."""

        def done() -> _T:
            with self._lock:
                self._running = future
            try:
                client = self._hold(options)
            except OutOfMemoryError:
                raise  # there may be enough memory later
            except ModelError as error:
                raise RefusedError(500, f"the model cannot be loaded here: {error}") from error
            return job(client)

        with self._lock:  # so that `done` finds `future` assigned
            future = self._worker.submit(done)
        return future

    def withdraw(self, future: Future[Any]) -> None:
        """Cancel a piece of work; it ends soon."""
        if future.cancel():
            return
        with self._lock:
            self._withdrawn.add(future)  # it may not have marked itself as running yet
            if self._running is future and self._client is not None:
                self._client.withdraw()

    def close(self) -> None:
        """End the session and all work."""
        with self._lock:
            self._closed = True
            client = self._client
        self._worker.shutdown(wait=False, cancel_futures=True)
        if client is not None:
            client.close()

    def _hold(self, options: LoadOptions) -> CancellableClient:
        """The session with a model, loaded where it holds another. In the worker's thread."""
        with self._lock:
            if self._closed:
                raise CancelledError("the server is shutting down")
            if self._client is None or not self._client.alive:
                if self._client is not None:
                    self._client.close()
                self._client, self._held = CancellableClient(PipeLink()), None
            client = self._client
            client.begin()
            if self._running in self._withdrawn:
                raise _withdrawn()
        if self._held != options.model:
            self._held = None
            load_model(client, options, None).result()
            self._held = options.model
        return client


def _withdrawn() -> CancelledError:
    return CancelledError("the request was cancelled")
