"""`python -m vlmtui.session --log FILE`: the session as a process, speaking the protocol on its standard streams.

With `--listen IDLE_SECONDS --ready DESCRIPTOR` it is the warm one, and speaks it at its socket.
"""

import os
import sys


def main() -> None:
    """Keep the streams for the protocol, send everything else that is ever printed to the log, and serve."""
    requests, replies = os.dup(0), os.dup(1)
    words = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=False))
    log = words.get("--log", os.devnull)
    if "--listen" in words:
        from vlmtui.session.logs import new_log

        log = str(new_log())  # it outlives whoever started it, and is kept as long as the process in its name
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    # C libraries and child processes write to descriptors, not to sys.stdout: these must be the log before any of
    # them is loaded, or one printed line breaks the protocol
    os.dup2(nothing, 0)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(nothing)
    os.close(file)

    import faulthandler

    faulthandler.enable()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # what a lens prints is there when it hangs
    if "--listen" in words:
        from vlmtui.session.listener import listen

        os.close(requests)
        os.close(replies)
        listen(log, float(words["--listen"]), int(words["--ready"]))
        return

    import threading

    from vlmtui.session.connection import Connection
    from vlmtui.session.server import SessionServer

    server = SessionServer(log, private=True)
    line = Connection.over_pipes(requests, replies, lambda: os._exit(0))
    threading.Thread(target=server.serve, args=(line,), name="requests", daemon=True).start()
    server.work()


if __name__ == "__main__":
    main()
