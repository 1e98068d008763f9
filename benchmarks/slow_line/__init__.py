"""The explorer on a slow line, `python -m benchmarks.slow_line [OTHER_CHECKOUT]`: bytes and time until it rests.

The program runs in a pseudo-terminal, in tmux, behind a real ssh client and server, or in tmux behind those. What it
writes goes through a throttle; at the far end is an emulated terminal that answers queries as xterm does, late, or
never.
"""
