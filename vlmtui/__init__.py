"""vlmtui: see what a vision-language model's image tokens say."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("vlmtui")
except PackageNotFoundError:  # run from a bare checkout
    __version__ = "0.0.0"
