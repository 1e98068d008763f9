"""Memory of a session that reads many images: one after the other, as reports do, and in batches.

    python -m benchmarks.readings_memory [IMAGES]

Prints the resident memory of the session after the first images and after all of them, and the peak of a session that
reads batches against that of one that reads a single image.
"""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Iterator

import numpy as np
from PIL import Image

from vlmtui.images.image_file import ImageFile
from vlmtui.session.client import SessionClient

SIDE = 640, 480
BATCH = 64


def image(number: int) -> ImageFile:
    """A photograph-like image of smooth noise, another for every number."""
    small = np.random.default_rng(number).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(small).resize(SIDE, Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    data = file.getvalue()
    return ImageFile(f"{number}.jpg", data, hashlib.sha256(data).hexdigest())


def one_by_one(client: SessionClient, count: int) -> Iterator[int]:
    """Read images as a report does; the session's memory after each, in bytes."""
    for number in range(count):
        reading = client.read(image(number)).result()
        client.words(reading.id, "l2", 8).result()
        client.forget_all()
        yield client.status().result().process_memory


def peak(pid: int | None) -> int:
    """The largest resident memory that a process has had, in bytes."""
    with open(f"/proc/{pid}/status", encoding="ascii") as lines:
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def started() -> SessionClient:
    client = SessionClient.start()
    client.load("demo", device="cpu").result()
    return client


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 350
    client = started()
    memory = list(one_by_one(client, count))
    client.close()
    after = min(20, count)
    print(
        f"{count} images one by one: {memory[after - 1] / 1e6:.0f} MB after {after}, {memory[-1] / 1e6:.0f} at the end"
    )

    peaks = []
    for sizes in ((1,), (BATCH,) * max(1, count // BATCH)):
        client, number = started(), 0
        for size in sizes:
            client.read_many([image(number + i) for i in range(size)], "tokens").result()
            number += size
        peaks.append(peak(client.pid))
        client.close()
    print(f"peak of a session: {peaks[0] / 1e6:.0f} MB for one image, {peaks[1] / 1e6:.0f} MB for {number} in batches"
          f" of {BATCH}: {peaks[1] / peaks[0]:.2f} times")  # fmt: skip


if __name__ == "__main__":
    main()
