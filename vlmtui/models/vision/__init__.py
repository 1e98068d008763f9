"""The vision tower: hidden states, outputs, position and patch embeddings."""
