"""`python -m vlmtui.session --log FILE`: the session as a process, speaking the protocol on its standard streams."""

import os
import sys


def main() -> None:
    """Keep the streams for the protocol, send everything else that is ever printed to the log, and serve."""
    requests, replies = os.dup(0), os.dup(1)
    log = sys.argv[sys.argv.index("--log") + 1] if "--log" in sys.argv[:-1] else os.devnull
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
    from vlmtui.session.server import Server

    Server(requests, replies, log).run()


if __name__ == "__main__":
    main()
