"""Another machine, as far as ssh can tell: a real ssh server on the loopback, reached by the real ssh client."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from pathlib import Path
from typing import Any

import asyncssh

HOST = "far"
ASKS = "far-asks"
PASSWORD = "correct horse"


class Far:
    """An ssh server that runs what it is asked in a bare shell, with a login banner, and can cut its lines.

    `environment` is all that its commands see; `ssh` the ssh command that knows the host `far`, and as `far-asks` the
    same with a password in the place of a key.
    """

    def __init__(self, folder: Path, banner: bytes, **environment: str) -> None:
        self.environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), **environment}
        self._banner = banner
        self._lines: list[asyncssh.SSHServerConnection] = []
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="far", daemon=True).start()
        keys = {name: asyncssh.generate_private_key("ssh-ed25519") for name in ("host", "client")}
        key = folder / "key"
        key.write_bytes(keys["client"].export_private_key())
        key.chmod(0o600)
        (folder / "allowed").write_bytes(keys["client"].export_public_key())
        self._server = self._do(self._listen(keys["host"], folder / "allowed"))
        port = self._server.sockets[0].getsockname()[1]
        known = folder / "known_hosts"
        known.write_bytes(f"[127.0.0.1]:{port} ".encode() + keys["host"].export_public_key())
        config = folder / "config"
        config.write_text(
            f"Host {HOST} {ASKS}\n HostName 127.0.0.1\n Port {port}\n User somebody\n IdentitiesOnly yes\n"
            f" UserKnownHostsFile {known}\n StrictHostKeyChecking yes\n"
            f"Host {HOST}\n IdentityFile {key}\n"
            f"Host {ASKS}\n PreferredAuthentications password\n NumberOfPasswordPrompts 1\n"
        )
        self.ssh = f"ssh -F {config}"

    @property
    def lines(self) -> int:
        """How many lines are up."""
        return len(self._lines)

    def cut(self) -> None:
        """Cut all lines in the middle of whatever they carry."""
        for line in list(self._lines):
            self._loop.call_soon_threadsafe(line.abort)

    def close(self) -> None:
        """No more lines."""
        self.cut()
        self._do(self._shut())
        self._do(self._left())
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _shut(self) -> None:
        """On the loop's own thread: a connection that ends at that moment closes the server as well."""
        self._server.close()
        await self._server.wait_closed()

    async def _left(self) -> None:
        """End what still runs: a subprocess of a loop that has stopped would be a mess for the garbage collector."""
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self, host_key: asyncssh.SSHKey, allowed: Path) -> asyncssh.SSHAcceptor:
        far = self

        class Server(asyncssh.SSHServer):
            def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
                self._line = conn
                far._lines.append(conn)

            def connection_lost(self, exc: Exception | None) -> None:
                far._lines.remove(self._line)

            def password_auth_supported(self) -> bool:
                return True

            def validate_password(self, username: str, password: str) -> bool:
                return password == PASSWORD

        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=Server,
            server_host_keys=[host_key],
            authorized_client_keys=str(allowed),
            process_factory=self._run,
            encoding=None,
        )

    async def _run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        process.stdout.write(self._banner)
        ran = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", process.command or ""),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self.environment,
        )
        inwards = asyncio.create_task(_passed_on(process.stdin, ran.stdin))
        inwards.add_done_callback(lambda _: ran.stdin.close() if ran.stdin else None)
        try:
            await asyncio.gather(_passed_on(ran.stdout, process.stdout), _passed_on(ran.stderr, process.stderr))
            process.exit(await ran.wait())
        finally:
            inwards.cancel()
            if ran.returncode is None:
                ran.terminate()
                await ran.wait()


async def _passed_on(from_: Any, to: Any) -> None:
    """All bytes until the end of either, as an ssh server passes them on."""
    with contextlib.suppress(OSError, asyncssh.Error):
        while data := await from_.read(1 << 16):
            to.write(data)
            await to.drain()
