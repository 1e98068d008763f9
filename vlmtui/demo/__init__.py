"""The small models that ship with vlmtui: their weights and their card. `demo_training` made them."""

from pathlib import Path

WEIGHTS = Path(__file__).parent / "weights"
CHECKPOINT = WEIGHTS / "demo"
