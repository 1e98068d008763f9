"""What the explorer's screen is made of; each panel shows one matter and knows no other."""
