"""Memory of a session that reads many images: bounded, however many there are."""

from __future__ import annotations

import hashlib
import sys

import pytest

from benchmarks.decoding_memory import webp
from benchmarks.readings_memory import BATCH, image, peak, started
from vlmtui.images.image_file import ImageFile


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of another process is read from /proc")
def test_the_peak_of_batches_is_at_most_1_3_times_that_of_one_image() -> None:
    client = started()
    try:
        client.read_many([image(0)], "tokens").result()
        single = peak(client.pid)
        for start in (0, BATCH):
            client.read_many([image(start + i) for i in range(BATCH)], "tokens").result()
        assert peak(client.pid) <= 1.3 * single
    finally:
        client.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of another process is read from /proc")
def test_no_copy_of_a_large_image_is_kept_while_it_is_preprocessed() -> None:
    """Ten bytes a pixel: the decoded array, the processor's copy of it, and what Pillow resizes; 14 with an image."""
    side = 5000
    data = webp(side, side)
    client = started()
    try:
        client.read(image(0)).result()
        before = peak(client.pid)
        client.read(ImageFile("large.webp", data, hashlib.sha256(data).hexdigest())).result()
        assert peak(client.pid) - before < 12 * side**2
    finally:
        client.close()
