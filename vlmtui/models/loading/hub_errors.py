"""Hub errors: what a user can do when the hub does not serve a model (gated, missing, offline and the like)."""

from __future__ import annotations

import contextlib
import errno
import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2
from huggingface_hub import constants
from huggingface_hub.errors import (
    DisabledRepoError,
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from vlmtui import cache
from vlmtui.errors import ModelError, connection_reason, one_line
from vlmtui.models.loading.range_requests import ConnectionLostError
from vlmtui.proxies import LOGIN_STATUS, proxy_for, wants_login

_UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENOENT, errno.ELOOP)


class HubUnreachableError(ModelError):
    """The hub cannot be asked: it is not reached, or must not be."""


@contextlib.contextmanager
def explain_hub_errors(name: str, revision: str | None) -> Iterator[None]:
    """Raise what goes wrong with the hub in this context as a `ModelError`: one sentence that says what to do.

    `name` is the hub model, `revision` the one that was requested. A full disk is explained too.
    """
    at = f" at revision {revision}" if revision else ""
    page = f"{constants.ENDPOINT}/{name}"
    try:
        yield
    except GatedRepoError as error:
        raise ModelError(
            f"{name} is gated: accept its licence at {page}, then log in with `hf auth login` or set HF_TOKEN"
        ) from error
    except RevisionNotFoundError as error:
        raise ModelError(f"{name} has no revision {revision}: see {page}/commits/main") from error
    except RepositoryNotFoundError as error:
        raise ModelError(
            f"there is no model {name} on {constants.ENDPOINT} (or it is private): check the name, or log in with "
            "`hf auth login`"
        ) from error
    except DisabledRepoError as error:
        raise ModelError(f"{name} is disabled on {constants.ENDPOINT}: choose another model") from error
    except OfflineModeIsEnabled as error:
        raise _not_here(name, at, "HF_HUB_OFFLINE is set: unset it to download it") from error
    except HfHubHTTPError as error:
        raise _refused(error, name, at, page) from error
    except (LocalEntryNotFoundError, httpx2.TransportError, ConnectionLostError) as error:
        if constants.HF_HUB_OFFLINE:
            raise _not_here(name, at, "HF_HUB_OFFLINE is set: unset it to download it") from error
        if isinstance(error.__cause__, HfHubHTTPError):
            raise _refused(error.__cause__, name, at, page) from error
        cause = connection_reason(error.__cause__ or error)
        if wants_login(cause):
            raise _not_here(name, at, _proxy_login()) from error
        why = f"{constants.ENDPOINT} cannot be reached ({cause}): {_connection_advice()}"
        raise _not_here(name, at, why) from error
    except (httpx2.RequestError, httpx2.InvalidURL, json.JSONDecodeError) as error:
        raise _no_hub(f"{name}{at}", error) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ModelError(
                f"{name} cannot be stored, the disk of {cache.folder()} is full: free some space, or name a folder "
                f"on another disk with {cache.ENVIRONMENT}; what was downloaded is not downloaded again"
            ) from error
        if error.errno in _UNWRITABLE:
            raise _no_place(name, error) from error
        why = f"{name}{at} could not be downloaded ({one_line(error)}): check disk and connection"
        raise ModelError(why) from error


def check_cache(name: str) -> None:
    """Make the folder of the cache; `ModelError` where a model could not be stored there, whatever the hub answers."""
    try:
        cache.folder().mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _no_place(name, error) from error


def _no_place(name: str, error: OSError) -> ModelError:
    return ModelError(
        f"{name} cannot be stored in {cache.folder()} ({one_line(error)}): name a folder that you can write to with "
        f"{cache.ENVIRONMENT} or HF_HOME"
    )


@contextlib.contextmanager
def explain_nonsense(name: str) -> Iterator[None]:
    """Raise as a `ModelError` what huggingface_hub raises for an answer of another form; for its calls alone."""
    try:
        yield
    except (ModelError, OSError, httpx2.RequestError, httpx2.InvalidURL):
        raise  # that it names itself; its errors of HTTP are of OSError too
    except (TypeError, ValueError, LookupError, AttributeError, RecursionError) as error:
        raise _no_hub(name, error) from error


def _no_hub(what: str, error: Exception) -> ModelError:
    return ModelError(
        f"{what} could not be downloaded: {constants.ENDPOINT} does not answer as a hub does ({one_line(error)}): "
        "check HF_ENDPOINT and the proxy"
    )


def _refused(error: HfHubHTTPError, name: str, at: str, page: str) -> ModelError:
    """The error for a status with which the hub, or a proxy, refused a request."""
    status = error.response.status_code if error.response is not None else 0
    if isinstance(error, EntryNotFoundError):
        return ModelError(f"a file of {name}{at} is missing on the hub ({one_line(error)}): choose another revision")
    if status == 401:
        return ModelError(
            f"{constants.ENDPOINT} rejected your token for {name}: log in again with `hf auth login`, or unset HF_TOKEN"
        )
    if status == 403:
        return ModelError(
            f"you do not have access to {name}: accept its licence at {page}, then log in with `hf auth login`"
        )
    if status == LOGIN_STATUS:
        return _not_here(name, at, _proxy_login())
    if status == 429:
        return ModelError(
            f"{constants.ENDPOINT} received too many requests from here: wait a few minutes, or log in with `hf "
            "auth login`"
        )
    return ModelError(f"{name}{at} could not be downloaded ({one_line(error)}): try again later")


def _not_here(name: str, at: str, why: str) -> HubUnreachableError:
    """The error for a model that is not on this disk and cannot be downloaded."""
    return HubUnreachableError(f"{name}{at} is not on this disk, and {why}, or give a folder")


def _connection_advice() -> str:
    """What to check about the connection, and about the proxy if one is set, whose password is left out."""
    scheme = urlsplit(constants.ENDPOINT).scheme
    if scheme not in ("http", "https") or not urlsplit(constants.ENDPOINT).hostname:
        return "begin HF_ENDPOINT with https:// or http:// and a host"
    proxy = proxy_for(constants.ENDPOINT)
    if proxy is None:
        return "check the connection"
    return f"check the connection and the proxy {proxy.shown} ({proxy.variable})"


def _proxy_login() -> str:
    """Why the hub cannot be reached, and what to do, where a proxy wants a login."""
    proxy = proxy_for(constants.ENDPOINT)
    where = f"the proxy {proxy.shown}" if proxy else "a proxy"
    advice = proxy.login_advice if proxy else "check the connection"
    return f"{constants.ENDPOINT} cannot be reached, since {where} wants a name and a password: {advice}"
