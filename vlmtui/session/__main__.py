"""Process of a session: `python -m vlmtui.session --log FILE` speaks the protocol on its standard streams.

With `--listen IDLE_SECONDS --ready DESCRIPTOR` it is the warm session, and speaks it at a socket.
"""

import os
import sys


def main() -> None:
    """Keep the streams for the protocol, send everything else that is printed to the log, and serve."""
    requests, replies = os.dup(0), os.dup(1)
    options = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=False))
    log = options.get("--log", os.devnull)
    if "--listen" in options:
        from vlmtui.session.logs import new_log

        log = str(new_log())  # the log is kept as long as the process whose id is in its name runs
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    # C libraries and child processes write to descriptors, not to sys.stdout: these must be the log before any of
    # them starts, or a single printed line breaks the protocol
    os.dup2(nothing, 0)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(nothing)
    os.close(file)

    import faulthandler

    faulthandler.enable()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # what a lens has printed is in the log when it hangs
    if "--listen" in options:
        from vlmtui.session.listener import listen

        os.close(requests)
        os.close(replies)
        listen(log, float(options["--listen"]), int(options["--ready"]))
        return

    import threading

    from vlmtui.session.connection import Connection
    from vlmtui.session.server import SessionServer

    server = SessionServer(log, private=True)
    connection = Connection.over_pipes(requests, replies, lambda: os._exit(0))
    threading.Thread(target=server.serve, args=(connection,), name="requests", daemon=True).start()
    server.work()


if __name__ == "__main__":
    main()
