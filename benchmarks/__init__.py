"""Benchmarks of speed, output and memory: `python -m benchmarks`. `RESULTS.md` has the figures and their hardware.

Four more compare this checkout with another one: `python -m benchmarks.output_comparison OTHER` every byte that users
see, `python -m benchmarks.speed_comparison OTHER` the speed, and `python -m benchmarks.structure_comparison OTHER` the
layout and what a start imports, and `python -m benchmarks.slow_line OTHER` bytes and waiting on slow lines.
"""
