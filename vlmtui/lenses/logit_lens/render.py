"""What the words by layer are, in words."""

from __future__ import annotations


def words() -> str:
    """In a report."""
    what = "words of the largest logits after every layer (logit lens)"
    return f"layers: {what}, entropy in nats over the whole vocabulary"
