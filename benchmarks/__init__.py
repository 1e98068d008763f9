"""Benchmarks of speed, output and memory: `python -m benchmarks`. `RESULTS.md` has the figures and their hardware.

Three more compare this checkout with another one: `python -m benchmarks.output_comparison OTHER` every byte that users
see, `python -m benchmarks.speed_comparison OTHER` the speed, and `python -m benchmarks.structure_comparison OTHER` the
layout and what a start imports.
"""
