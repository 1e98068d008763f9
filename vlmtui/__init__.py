"""vlmtui: see what a vision-language model's image tokens say."""

__version__ = "0.1.0"
