"""Actions of the explorer: what keys and the command palette do, in one table."""
