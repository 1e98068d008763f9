"""Which session a command uses: the warm one of this machine, one on another machine, or one of its own. No torch."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vlmtui import __version__
from vlmtui.errors import ProtocolError, SessionError
from vlmtui.session import messages as m
from vlmtui.session.client import SessionClient
from vlmtui.session.transport import Link, PipeLink, SocketLink, SshLink, check_host, warm_link

HOME = str(Path(__file__).parents[1])
PATIENCE_S = 3.0
"""How long the warm session may take to say hello; it says so whatever it does, unless it hangs."""


@dataclass(frozen=True)
class Where:
    """Where a command's session is to be: on the host `remote`, in the warm session if there is one, or its own."""

    remote: str | None = None
    remote_command: str = "vlmtui"
    warm: bool = True

    def __post_init__(self) -> None:
        if self.remote is not None:
            check_host(self.remote, self.remote_command)


def connect(
    where: Where,
    on_death: Callable[[str], None] | None = None,
    on_line: Callable[[str], None] | None = None,
    may_ask: bool = True,
) -> SessionClient:
    """A session to ask, at once; see `SessionClient` for what is called when.

    With `remote`, ssh is started and may ask for a password at the terminal, unless a screen is there already
    (`may_ask`): wait for `client.welcome` before one is put there. Raises `SessionError`.
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
            link = usable()
        except SessionError as error:
            note = f"{error}; this command has a session of its own"
    return SessionClient(link or PipeLink(), on_death, note=note)


def usable() -> SocketLink | None:
    """A line to the warm session, or None where there is none.

    Raises `SessionError` where there is one and it cannot be used: it does not answer, or is of another version.
    """
    link = warm_link()
    if link is None:
        return None
    try:
        welcome = _greeting(link)
    finally:
        link.cut()
        link.end_of_reading()
    link = warm_link()
    if link is not None:
        link.pid, link.log = welcome.pid, Path(welcome.log)
    return link


def greeting() -> m.Welcome | None:
    """What the warm session says of itself, of whatever version it is; None where there is none."""
    link = warm_link()
    if link is None:
        return None
    try:
        return _hello(link)
    finally:
        link.cut()
        link.end_of_reading()


def _greeting(link: SocketLink) -> m.Welcome:
    welcome = _hello(link)
    which = f"the warm session (process {welcome.pid})"
    again = "vlmtui session stop, then start"
    if (welcome.version, welcome.release) != (m.VERSION, __version__):
        theirs, ours = (welcome.version, _parts(welcome.release)), (m.VERSION, _parts(__version__))
        if theirs < ours:
            raise SessionError(
                f"{which} is older ({welcome.release}, protocol {welcome.version}) than this vlmtui "
                f"({__version__}, protocol {m.VERSION}): {again}"
            )
        raise SessionError(
            f"this vlmtui ({__version__}, protocol {m.VERSION}) is older than {which} "
            f"({welcome.release}, protocol {welcome.version}): bring it up to date, or {again}"
        )
    if welcome.home != HOME:
        raise SessionError(f"{which} is of another installation ({welcome.home}): {again}")
    return welcome


def _hello(link: SocketLink) -> m.Welcome:
    """Exchange greetings and nothing else."""
    link.limit(PATIENCE_S)
    try:
        link.write(m.PREAMBLE + m.frame(m.Request(0, m.Hello(release=__version__))))
        m.read_preamble(link.read)
        body = m.read_frame(link.read)
        answer = m.decode_reply(body).body if body is not None else None
    except (TimeoutError, OSError, ProtocolError) as error:
        what = f"within {PATIENCE_S:g} s" if isinstance(error, TimeoutError | socket.timeout) else f"({error})"
        raise SessionError(f"the warm session does not answer {what}: end it with vlmtui session stop") from None
    if not isinstance(answer, m.Welcome):
        raise SessionError("the warm session gives no greeting: end it with vlmtui session stop")
    return answer


def _parts(release: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", release))
