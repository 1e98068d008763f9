"""Self-verification of a checkpoint: what vlmtui reads of it, compared with its own full model."""
