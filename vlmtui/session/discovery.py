"""Discovery of the session that a command uses: the warm one of this machine, one on another, or its own. No torch."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vlmtui._version import __version__
from vlmtui.errors import ProtocolError, SessionError
from vlmtui.session import daemon, wire
from vlmtui.session import protocol as m
from vlmtui.session.client import SessionClient
from vlmtui.session.transport import Link, PipeLink, SocketLink, SshLink, check_host, warm_link

HOME = str(Path(__file__).parents[1])
PATIENCE_S = 3.0
"""How long the warm session may take to greet: it does so whatever it is doing, unless it hangs or has just begun."""
JUST_BEGUN_S = 120.0
"""How long one may take that has just begun: importing torch from a slow disk holds all of its threads up."""


@dataclass(frozen=True)
class SessionLocation:
    """Where a command's session is: on the host `remote`; the warm session if `warm` and there is one; or its own."""

    remote: str | None = None
    remote_command: str = "vlmtui"
    warm: bool = True

    def __post_init__(self) -> None:
        if self.remote is not None:
            check_host(self.remote, self.remote_command)


def connect(
    where: SessionLocation,
    on_death: Callable[[str], None] | None = None,
    on_line: Callable[[str], None] | None = None,
    may_ask: bool = True,
) -> SessionClient:
    """A client of the session at this location, at once; see `ReconnectingClient` for the callbacks.

    With `remote`, ssh is started and may ask for a password at the terminal, if it `may_ask`: wait for
    `client.welcome` before a screen is drawn there. Raises `SessionError`.
    """
    if where.remote is not None:
        host, command = where.remote, where.remote_command

        def again() -> Link:
            return SshLink(host, command, may_ask=False)

        return SessionClient(SshLink(host, command, may_ask), on_death, again, on_line)
    link: Link | None = None
    note = ""
    if where.warm:
        try:
            link = connect_warm()
        except SessionError as error:
            note = f"this command has a session of its own: {error}"
    return SessionClient(link or PipeLink(), on_death, note=note)


def connect_warm(patience: float = PATIENCE_S) -> SocketLink | None:
    """A link to the warm session, None where there is none; it has `patience` seconds to answer.

    Raises `SessionError` where there is one that cannot be used: it does not answer, or is of another version.
    """
    link = warm_link()
    if link is None:
        return None
    try:
        welcome = _greeting(link, patience)
    finally:
        link.cut()
        link.end_of_reading()
    link = warm_link()
    if link is not None:
        link.pid, link.log = welcome.pid, Path(welcome.log)
    return link


def start_warm(idle: float) -> SocketLink:
    """A link to a warm session that is started now. Raises `SessionError`."""
    daemon.start_daemon(idle)
    link = connect_warm(JUST_BEGUN_S)
    if link is None:
        raise SessionError("the warm session ended while starting: run vlmtui doctor")
    return link


def _greeting(link: SocketLink, patience: float) -> m.Welcome:
    """The greeting of the warm session; `SessionError` where it is of another version or installation."""
    welcome = _hello(link, patience)
    which = f"the warm session (process {welcome.pid})"
    again = "to replace it: vlmtui session stop, then start"
    if (welcome.version, welcome.release) != (wire.VERSION, __version__):
        theirs, ours = (welcome.version, _parts(welcome.release)), (wire.VERSION, _parts(__version__))
        if theirs < ours:
            raise SessionError(
                f"{which} is older ({welcome.release}, protocol {welcome.version}) than this vlmtui "
                f"({__version__}, protocol {wire.VERSION}); {again}"
            )
        raise SessionError(
            f"this vlmtui ({__version__}, protocol {wire.VERSION}) is older than {which} ({welcome.release}, "
            f"protocol {welcome.version}): update vlmtui; {again}"
        )
    if welcome.home != HOME:
        raise SessionError(f"{which} belongs to another installation ({welcome.home}); {again}")
    return welcome


def _hello(link: SocketLink, patience: float) -> m.Welcome:
    """Exchange greetings with the warm session; `SessionError` where it does not answer."""
    link.limit(patience)
    try:
        link.write(wire.PREAMBLE + wire.frame(m.Request(0, m.Hello(release=__version__))))
        wire.read_preamble(link.read)
        body = wire.read_frame(link.read)
        answer = m.decode_reply(body).body if body is not None else None
    except (OSError, ProtocolError) as error:
        what = f"within {patience:g} s" if isinstance(error, TimeoutError) else f"({error})"
        raise SessionError(
            f"the warm session does not respond {what}: if this persists, end it with vlmtui session stop"
        ) from None
    if not isinstance(answer, m.Welcome):
        raise SessionError("the warm session does not respond to the handshake: end it with vlmtui session stop")
    return answer


def _parts(release: str) -> tuple[int, ...]:
    """The numbers of a release, to be compared."""
    return tuple(int(number) for number in re.findall(r"\d+", release))
