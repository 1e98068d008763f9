"""Speed, bytes and memory: `python -m benchmarks` measures, `RESULTS.md` keeps the figures with their hardware."""
