"""The ASGI application: routes, and the answer to each request."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from vlmtui.display.colours import Rgb
from vlmtui.display.pieces import plain
from vlmtui.errors import VlmtuiError
from vlmtui.images.image_file import ImageFile, shown_name
from vlmtui.query.options import LoadOptions, Query, ReadOptions, SearchOptions
from vlmtui.reports.formats.registry import format_named
from vlmtui.reports.formats.saving import SessionReading, write_reading
from vlmtui.reports.page.document import own_policy
from vlmtui.session.client import SessionClient
from vlmtui.web import templates
from vlmtui.web.downloads import download_public
from vlmtui.web.examples import EXAMPLES, Example, example_image, example_named
from vlmtui.web.guard import COOKIE, Guard
from vlmtui.web.limits import RateLimit, UploadQueue
from vlmtui.web.model_holder import ModelHolder
from vlmtui.web.refusals import RefusedError, as_refusal
from vlmtui.web.server_limits import ServerLimits
from vlmtui.web.uploads import (
    DEFAULT_WORDS,
    METRICS,
    WORDS,
    ImageRequest,
    Upload,
    parse_request,
    read_token,
    read_upload,
)

_T = TypeVar("_T")
Renderer = Callable[[SessionClient, ImageFile, Query], str]
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # with no-referrer a browser would not send the origin of a form
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_NOTHING_ALLOWED = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_PAGE_POLICY = {"Content-Security-Policy": f"{own_policy()}; frame-ancestors 'none'"}
_IMAGE_PATHS = _PAGE, _REPORT = "/process-image/", "/report/"
_TYPED_SECONDS = 10.0  # for the form with a token


def render_page(client: SessionClient, source: ImageFile, query: Query) -> str:
    """The page of an image."""
    rgb = _rgb(source, query)
    reading = client.read(source, max_pixels=query.read.max_pixels).result()
    try:
        return _written("html", SessionReading(client, reading, query, lambda: rgb))
    finally:
        client.forget(reading.id)


def render_report(client: SessionClient, source: ImageFile, query: Query) -> str:
    """The report of an image as JSON, `vlmtui/report/1`."""
    reading = client.read(source, max_pixels=query.read.max_pixels).result()
    try:
        return _written("json", SessionReading(client, reading, query, lambda: _rgb(source, query)))
    finally:
        client.forget(reading.id)


def _rgb(source: ImageFile, query: Query) -> Rgb:
    return query.read.decode(source).rgb


def _written(format: str, reading: SessionReading) -> str:
    return "".join(map(str, write_reading(format_named(format), reading, reading.query)))


class WebApplication:
    """Answers requests with the model that `holder` holds; `models` are those to choose from, the first by default."""

    def __init__(
        self, holder: ModelHolder, load: LoadOptions, models: tuple[str, ...], guard: Guard, limits: ServerLimits
    ) -> None:
        self._holder, self._load, self._models, self._guard = holder, load, models, guard
        self._limits, self._queue, self._rate = limits, UploadQueue(limits.places), RateLimit(limits.rate)
        self._example_pages: dict[Example, str] = {}

    def app(self) -> Starlette:
        """The ASGI application."""
        app = Starlette(
            exception_handlers={HTTPException: _not_found},
            routes=[
                Route("/", self._answers(self._form)),
                Route("/examples/{name}.jpg", self._answers(self._example_image)),
                Route("/examples/{name}", self._answers(self._example, counted=True)),
                Route("/token", self._answers(self._token, open=True, counted=True), methods=["POST"]),
                Route("/readiness", self._answers(self._readiness, open=True)),
                Route("/queue/{ticket}", self._answers(self._place)),
                Route(_PAGE, self._answers(self._page, counted=True), methods=["POST"]),
                Route(_REPORT, self._answers(self._report, counted=True), methods=["POST"]),
            ],
        )
        app.router.redirect_slashes = False
        return app

    def _answers(
        self, answer: Callable[[Request], Awaitable[Response]], open: bool = False, counted: bool = False
    ) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """`answer` after checks of origin, rate (if `counted`) and token (unless `open`); errors become refusals."""

        async def answered(request: Request) -> Response:
            try:
                if answer != self._readiness:  # polled by machines under any host name; it reveals nothing
                    self._guard.check_origin(request)
                if counted:
                    self._rate.count(request.client.host if request.client else "")
                if not open:
                    self._guard.check_token(request)
                response = await answer(request)
            except ClientDisconnect:
                response = Response(status_code=400)  # nobody receives it
            except VlmtuiError as error:
                response = _refusal_response(request, as_refusal(error))
            return _with_headers(response)

        return answered

    async def _readiness(self, request: Request) -> Response:
        if self._holder.ready:
            return JSONResponse({"status": "ready"})
        self._holder.wake()
        return JSONResponse({"status": "initializing"}, 503)

    async def _form(self, request: Request) -> Response:
        return _html_response(
            templates.render_template(
                "form.html",
                ticket=secrets.token_urlsafe(16),
                models=self._models,
                metrics=METRICS,
                least=WORDS[0],
                most=WORDS[-1],
                words=DEFAULT_WORDS,
                examples=EXAMPLES,
                mebibytes=f"{self._limits.bytes / (1 << 20):.3g}",
                megapixels=f"{self._limits.pixels / 1e6:.3g}",
            )
        )

    async def _token(self, request: Request) -> Response:
        late = RefusedError(408, "the token is missing: type it again")
        if not self._guard.is_token(await _within(_TYPED_SECONDS, read_token(request), late)):
            raise RefusedError(401, "that token is wrong: type the one that the server was started with")
        response = RedirectResponse("/", 303)
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, self._guard.cookie, httponly=True, samesite="strict", secure=secure)
        return response

    async def _place(self, request: Request) -> Response:
        before = self._queue.before(request.path_params["ticket"])
        if before is None:
            return JSONResponse({"error": "this ticket is not in the queue"}, 404)
        return JSONResponse({"before": before})

    async def _page(self, request: Request) -> Response:
        made, place = await self._look(request, render_page)
        return HTMLResponse(made, headers={**_PAGE_POLICY, "X-Queue-Place": place})

    async def _report(self, request: Request) -> Response:
        made, place = await self._look(request, render_report)
        return Response(made, media_type="application/json", headers={"X-Queue-Place": place})

    async def _example_image(self, request: Request) -> Response:
        return Response(example_image(_example_of(request)).data, media_type="image/jpeg")

    async def _example(self, request: Request) -> Response:
        """The page of an example by the first model, made when it is first asked for."""
        example = _example_of(request)
        if example not in self._example_pages:
            upload = Upload(example_image(example), "", {})
            wanted = ImageRequest(self._models[0], next(iter(METRICS.values())), DEFAULT_WORDS)
            with self._queue.place(""):
                served = self._served(upload, wanted, render_page)
                self._example_pages[example] = await _until_disconnect(request, served)
        return HTMLResponse(self._example_pages[example], headers=_PAGE_POLICY)

    async def _look(self, request: Request, made: Renderer) -> tuple[str, str]:
        """The rendered answer for the image of a request, and how many requests were before it in the queue."""
        given = dict(request.query_params)
        parse_request(given, self._models)  # errors of the address are reported before the body is read
        ticket = given.get("ticket", "")
        with self._queue.place(ticket if re.fullmatch(r"[\w-]{8,64}", ticket, re.ASCII) else "") as ticket:
            late = RefusedError(504, f"the image did not arrive within {self._limits.seconds:g} s: send a smaller one")
            upload = await _within(self._limits.seconds, read_upload(request, self._limits.bytes), late)
            wanted = parse_request({**upload.fields, **given}, self._models)
            place = str(self._queue.before(ticket))
            return await _until_disconnect(request, self._served(upload, wanted, made)), place

    async def _served(self, upload: Upload, wanted: ImageRequest, made: Renderer) -> str:
        source = upload.file or await self._fetched(upload.address)
        query = Query(
            replace(self._load, model=wanted.model),
            ReadOptions(max_pixels=self._limits.pixels),
            # a second pass for every image is more than a visitor asks of a server
            SearchOptions(k=wanted.k, metric=wanted.metric, noise=False),
        )
        async with self._queue.turn:
            work = self._holder.work(query.load, lambda client: made(client, source, query))
            late = RefusedError(
                504, f"it took more than {self._limits.seconds:g} s: try again, or send a smaller image", 30
            )
            try:
                return await _within(self._limits.seconds, _awaited(work), late)
            finally:
                self._holder.withdraw(work)  # without effect when the work is done

    async def _fetched(self, address: str) -> ImageFile:
        data = await download_public(address, self._limits.bytes)
        return ImageFile(shown_name(address), data, hashlib.sha256(data).hexdigest())


def _example_of(request: Request) -> Example:
    example = example_named(request.path_params["name"])
    if example is None:
        names = ", ".join(each.name for each in EXAMPLES)
        raise RefusedError(404, f"there is no example of this name: the examples are {names}")
    return example


async def _within(seconds: float, doing: Awaitable[_T], late: RefusedError) -> _T:
    try:
        async with asyncio.timeout(seconds):
            return await doing
    except TimeoutError:
        raise late from None


async def _awaited(work: Future[_T]) -> _T:
    """Wait for the result of a thread's work, without cancelling the work when the waiting is cancelled."""
    result = asyncio.wrap_future(work)
    result.add_done_callback(lambda done: done.cancelled() or done.exception())  # mark it retrieved
    return await asyncio.shield(result)


async def _until_disconnect(request: Request, doing: Coroutine[Any, Any, _T]) -> _T:
    """Work for a client, cancelled as soon as the client disconnects."""

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    work, leaving = asyncio.create_task(doing), asyncio.create_task(gone())
    try:
        await asyncio.wait({work, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise ClientDisconnect
        return work.result()
    finally:
        leaving.cancel()
        work.cancel()


def _with_headers(response: Response) -> Response:
    for name, value in {"Content-Security-Policy": _NOTHING_ALLOWED, **_HEADERS}.items():
        response.headers.setdefault(name, value)
    return response


async def _not_found(request: Request, error: Exception) -> Response:
    """Answer what Starlette itself refuses: unknown paths and methods."""
    assert isinstance(error, HTTPException)
    sentence = f"there is nothing to {request.method} here: open /, or POST an image to /report/"
    if error.status_code == 405 and request.url.path in _IMAGE_PATHS:
        sentence = "POST an image here, as the multipart field `file`"
    response = _refusal_response(request, RefusedError(error.status_code, sentence))
    response.headers.update(error.headers or {})
    return _with_headers(response)


def _refusal_response(request: Request, error: RefusedError) -> Response:
    """The response with a refusal's sentence: a page for a browser, plain text otherwise."""
    sentence = plain(str(error))  # it may quote a file's name, and be read in a terminal
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if "text/html" not in request.headers.get("accept", ""):
        return PlainTextResponse(f"{sentence}\n", error.status, headers)
    page_of = "token.html" if error.status == 401 and request.method == "GET" else "refusal.html"
    return _html_response(templates.render_template(page_of, sentence=sentence), error.status, headers)


def _html_response(text: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return HTMLResponse(text, status, {"Content-Security-Policy": templates.content_policy(), **(headers or {})})
