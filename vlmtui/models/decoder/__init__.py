"""The language model: its layers, logits, attention and answers."""
