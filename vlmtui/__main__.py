"""The command `vlmtui`, also as `python -m vlmtui`: an interrupt is heeded from the first import on."""

import sys


def run() -> int:
    """Run the command line; the exit status."""
    try:
        from vlmtui.cli import main

        return main()
    except KeyboardInterrupt:
        # as modules are imported, or once all is done
        if sys.stderr is not None and sys.stderr.isatty():
            print("vlmtui: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(run())
