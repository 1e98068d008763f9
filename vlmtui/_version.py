"""The version of vlmtui. On its own, so that whatever names it imports nothing else."""

__version__ = "0.2.0"
