"""One direction of a slow line: bytes that leave at a rate and arrive after a delay."""

from __future__ import annotations

from collections import deque

_ROUNDING_S = 1e-9


class Throttle:
    """A queue of bytes, by a clock that the caller reads: all times are seconds of it, and never decrease.

    `rate` is in bytes per second, None for any; `delay` in seconds. `capacity` bytes may wait to leave: one that sends
    more than `room` would have to wait on a real line.
    """

    def __init__(self, rate: float | None = None, delay: float = 0.0, capacity: int = 4096) -> None:
        self._rate = rate
        self._delay = delay
        self._capacity = capacity
        self._free_at = 0.0
        self._chunks: deque[tuple[float, bytes]] = deque()
        """When the first byte of a chunk begins to leave, and the chunk."""

    def room(self, now: float) -> int:
        """How many bytes may be sent."""
        if self._rate is None:
            return self._capacity
        waiting = max(0.0, self._free_at - now) * self._rate
        return max(0, self._capacity - round(waiting))

    def send(self, data: bytes, now: float) -> None:
        """Put bytes behind those that wait."""
        if not data:
            return
        begins = max(now, self._free_at)
        self._chunks.append((begins, data))
        self._free_at = begins + (len(data) / self._rate if self._rate else 0.0)

    def arrived(self, now: float) -> bytes:
        """Bytes that have arrived since the last call."""
        arrived = bytearray()
        while self._chunks:
            begins, chunk = self._chunks[0]
            left_since = now - self._delay - begins + _ROUNDING_S
            if left_since < 0:
                break
            count = len(chunk) if self._rate is None else int(left_since * self._rate)
            arrived += chunk[:count]
            if count < len(chunk):
                # the rest keeps its times: where it begins to leave follows from what has arrived
                self._chunks[0] = (begins + count / (self._rate or 1.0), chunk[count:])
                break
            self._chunks.popleft()
        return bytes(arrived)

    @property
    def is_empty(self) -> bool:
        """Whether all that was sent has arrived."""
        return not self._chunks
