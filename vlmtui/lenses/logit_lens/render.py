"""Report line of the words by layer."""

from __future__ import annotations


def words() -> str:
    """The line of a report."""
    what = "words with the largest logits after every layer (logit lens)"
    return f"layers: {what}, entropy in nats over the whole vocabulary"
