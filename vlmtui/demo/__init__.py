"""The small models that ship with vlmtui: drawn scenes, training, weights, their cards.

Only the paths of the weights are known to the rest of the tool; nothing heavy is imported here.
"""

from pathlib import Path

WEIGHTS = Path(__file__).parent / "weights"
CHECKPOINT = WEIGHTS / "demo"
