"""Which files were seen before, in 32 to 64 bytes for each: a set of Python's takes more than twice that."""

from __future__ import annotations

_KEY = 16
"""Bytes of a key: that two files of a million have them in common has a chance of 10⁻²⁷."""
_EMPTY = bytes(_KEY)


class SeenFiles:
    """A set of files by the SHA-256 of their bytes: a hash table of keys side by side, at most half full."""

    def __init__(self) -> None:
        self._slots, self._count = bytearray(1024 * _KEY), 0

    def __len__(self) -> int:
        return self._count

    def add(self, sha256: str) -> bool:
        """Add a file by its hash, in hexadecimal; whether it is new."""
        both = int(sha256, 16)
        # zeros mark an empty slot, so one bit of a key is set
        key = ((both >> 8 * _KEY ^ both) % (1 << 8 * _KEY - 1) | 1 << 8 * _KEY - 1).to_bytes(_KEY, "little")
        at = self._place(key)
        if self._slots[at : at + _KEY] == key:
            return False
        self._slots[at : at + _KEY] = key
        self._count += 1
        if 2 * self._count * _KEY > len(self._slots):
            self._grow()
        return True

    def _place(self, key: bytes) -> int:
        """Where a key is, or would be."""
        at = int.from_bytes(key[:8], "little") * _KEY % len(self._slots)
        while self._slots[at : at + _KEY] not in (key, _EMPTY):
            at = (at + _KEY) % len(self._slots)
        return at

    def _grow(self) -> None:
        before, self._slots = self._slots, bytearray(2 * len(self._slots))
        for at in range(0, len(before), _KEY):
            key = bytes(before[at : at + _KEY])
            if key != _EMPTY:
                place = self._place(key)
                self._slots[place : place + _KEY] = key
