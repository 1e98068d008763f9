"""Peak memory of decoding large images, in bytes a pixel above what the process had before, by format.

python -m benchmarks.decoding_memory [MEGAPIXELS]
"""

from __future__ import annotations

import io
import struct
import subprocess
import sys

_WORKER = """
import sys
from vlmtui.images.decoding import decode, preview
data = sys.stdin.buffer.read()
import PIL.Image; PIL.Image.init()
def most():
    with open("/proc/self/status") as lines:
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
before = most()
found = decode(data, "x").rgb if sys.argv[1] == "whole" else preview(data, "x", (48, 24))
print(most() - before)
"""


def webp(width: int, height: int) -> bytes:
    """A lossless WebP of one colour, in 34 bytes."""
    header = struct.pack("<BI", 0x2F, (width - 1) | (height - 1) << 14)
    body = header + bytes((0x88, 0x88, 0x08))
    chunk = b"VP8L" + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def made(format: str, width: int, height: int) -> bytes:
    """An image of one colour."""
    from PIL import Image

    if format == "WEBP":
        return webp(width, height)
    file = io.BytesIO()
    Image.new("RGB", (width, height), (90, 120, 200)).save(file, format)
    return file.getvalue()


def peak(data: bytes, what: str) -> int:
    """Bytes that decoding takes at most: the `whole` image, or a `preview` of it."""
    done = subprocess.run([sys.executable, "-c", _WORKER, what], input=data, capture_output=True, check=True)
    return int(done.stdout)


def main() -> None:
    side = int(1000 * float(sys.argv[1] if len(sys.argv) > 1 else 48) ** 0.5)
    for format in ("PNG", "JPEG", "WEBP", "TIFF"):  # noqa: A001
        data = made(format, side, side)
        whole, small = (peak(data, what) / side**2 for what in ("whole", "preview"))
        print(f"{format:<5} {whole:5.1f} bytes a pixel, {small:5.1f} for a preview")


if __name__ == "__main__":
    main()
