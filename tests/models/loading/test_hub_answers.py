"""Answers of a hub that cannot be gone on with, from a client without a network."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx2
import pytest

from vlmtui.errors import ModelError
from vlmtui.models.loading import hub_answers
from vlmtui.models.loading.hub_answers import seconds_to_wait, watch_answers
from vlmtui.models.loading.hub_errors import explain_hub_errors

Answer = Callable[[httpx2.Request], httpx2.Response]


def asked(answer: Answer, monkeypatch: pytest.MonkeyPatch, follow: bool = True) -> list[str]:
    """What was said while a file was asked for, again wherever a redirect that is not followed leads."""
    client = httpx2.Client(transport=httpx2.MockTransport(answer), follow_redirects=follow)
    monkeypatch.setattr(hub_answers, "get_session", lambda: client)
    said: list[str] = []
    with explain_hub_errors("org/tiny", None), watch_answers("org/tiny", lambda doing, done, total: said.append(doing)):
        response = client.get("https://hub.example/api/models/org/tiny")
        while response.has_redirect_location:
            response = client.get("https://hub.example/api/models/org/tiny")
        if response.status_code == 200:
            response.json()
    assert client.event_hooks["response"] == []
    return said


def test_a_login_page(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match=r"hub.example answered a web page, such as the login page of a network"):
        asked(lambda _: httpx2.Response(200, html="<html>Welcome to the hotel</html>"), monkeypatch)
    with pytest.raises(ModelError, match=r"does not answer as a hub does .*: check HF_ENDPOINT"):
        asked(lambda _: httpx2.Response(200, text="Welcome"), monkeypatch)


@pytest.mark.parametrize("follow", [True, False])
def test_redirects_in_a_circle(follow: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    here = httpx2.Response(302, headers={"Location": "/api/models/org/tiny"})
    with pytest.raises(ModelError, match=r"(redirects in a circle|does not answer as a hub does).*: check HF_ENDPOINT"):
        asked(lambda _: here, monkeypatch, follow)


def test_a_long_wait_is_not_waited_for_and_a_short_one_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for status in (429, 503):
        with pytest.raises(ModelError, match="asks to wait 3,600 s: try again then"):
            asked(lambda _, s=status: httpx2.Response(s, headers={"Retry-After": "3600"}), monkeypatch)
    said = asked(lambda _: httpx2.Response(429, headers={"Retry-After": "7"}), monkeypatch)
    assert said == ["hub.example asks to wait 7 s"]
    assert asked(lambda _: httpx2.Response(200, text=json.dumps({})), monkeypatch) == []


def test_seconds_to_wait() -> None:
    assert seconds_to_wait("120") == 120
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=300))
    assert seconds_to_wait(later) == pytest.approx(300, abs=5)
    assert [seconds_to_wait(said) for said in ("", "soon", "-1", "\u0663")] == [None] * 4
