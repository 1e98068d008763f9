"""Speed, bytes and memory: `python -m benchmarks` measures, `RESULTS.md` keeps the figures with their hardware.

Of two checkouts, `python -m benchmarks.same OTHER` compares every byte that users see, and `python -m
benchmarks.against OTHER` the speed.
"""
