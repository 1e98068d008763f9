"""Choices of the options that several commands share: devices, data types, colour depths, engines. Plain names."""

from __future__ import annotations

from vlmtui.errors import UsageError

DEVICES = ("auto", "cpu", "cuda", "cuda:N", "mps")
DTYPES = ("auto", "float32", "bfloat16", "float16")
COLOR_DEPTHS = ("auto", "truecolor", "256")
THEMES = ("auto", "light", "dark")
ENGINES = ("here", "ray")


def is_device(word: str) -> bool:
    """Whether a word is one of `DEVICES`, N being a number."""
    kind, mark, number = word.partition(":")
    return word in DEVICES[:-2] or word == "mps" or (kind == "cuda" and mark == ":" and number.isdecimal())


def check_device(word: str) -> None:
    """Raise `UsageError` for a device that is none."""
    if not is_device(word):
        raise UsageError(f"--device {word!r} is not one of {', '.join(DEVICES)}")


def check_choice(option: str, word: str, choices: tuple[str, ...]) -> None:
    """Raise `UsageError` for a word that is not among the choices of an option."""
    if word not in choices:
        raise UsageError(f"{option} {word!r} is not one of {', '.join(choices)}")
