"""Memory of a session that reads many images: bounded, however many there are."""

from __future__ import annotations

import sys

import pytest

from benchmarks.readings_memory import BATCH, image, peak, started


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
