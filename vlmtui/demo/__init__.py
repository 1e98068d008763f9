"""The small models that ship with vlmtui: drawn scenes, training, weights, their card.

Only the path of the weights is known to the rest of the tool; nothing heavy is imported here.
"""

from pathlib import Path

CHECKPOINT = Path(__file__).parent / "weights" / "demo"
