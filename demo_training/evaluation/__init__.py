"""How good the demo models are, on scenes and photographs that they were never trained on, and the card's tables."""
