"""The example package: installed as a person would, and both of its lenses looked through."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from tests.session.test_client import WAIT, png
from vlmtui.errors import UsageError
from vlmtui.images.decoding import decode
from vlmtui.lenses.kinds import Facts, Scalars
from vlmtui.lenses.lens_source import LensSource, lens_call
from vlmtui.session.client import SessionClient

EXAMPLE = Path(__file__).parents[1] / "examples" / "lenses"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the package is installed in; laid out by hand where there is nothing to build it with."""
    folder = tmp_path_factory.mktemp("installed")
    source = shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("source") / "lenses")
    if importlib.util.find_spec("setuptools") and importlib.util.find_spec("pip"):
        words = "install --quiet --no-deps --no-index --no-build-isolation --disable-pip-version-check --target".split()
        subprocess.run([sys.executable, "-m", "pip", *words, str(folder), str(source)], check=True)
        return folder
    project = tomllib.loads((source / "pyproject.toml").read_text())["project"]
    info = folder / f"vlmtui_example_lenses-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    offered = "\n".join(f"{name} = {at}" for name, at in project["entry-points"]["vlmtui.lenses"].items())
    (info / "entry_points.txt").write_text(f"[vlmtui.lenses]\n{offered}\n")
    shutil.copy(source / "src" / "vlmtui_example_lenses.py", folder)
    return folder


def test_both_lenses(installed: Path, siglip_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(installed), os.environ.get("PYTHONPATH")))))
    client = SessionClient.start()
    try:
        client.load(str(siglip_folder), device="cpu").result(WAIT)
        told = {one.name: one for one in client.describe().result(WAIT)}
        assert {name: (one.kind, one.trouble, one.origin) for name, one in told.items()} == {
            "saturation": ("Scalars", "", "vlmtui-example-lenses 0.1.0"),
            "pixel-facts": ("Facts", "", "vlmtui-example-lenses 0.1.0"),
        }
        (option,) = told["saturation"].options
        assert (option.name, option.range, option.default) == ("darkest", "from 0, up to 1", 0.0)
        image = png(96, 96)
        reading = client.read(image).result(WAIT)
        found = client.look(reading.id, "tokens", lens_call(LensSource("saturation"))).result(WAIT).result
        assert isinstance(found, Scalars)
        pixels = decode(image.data, image.source).rgb[:16, :16].reshape(-1, 3) / 255
        brightest = pixels.max(-1)
        assert found.values[0] == pytest.approx(
            np.where(brightest > 0, 1 - pixels.min(-1) / np.maximum(brightest, 1e-9), 0).mean(), abs=1e-3
        )
        bright = (
            client.look(reading.id, "tokens", lens_call(LensSource("saturation"), darkest="0.9")).result(WAIT).result
        )
        assert bright.note == "of pixels brighter than 0.9"
        facts = (
            client.look(reading.id, "tokens", lens_call(LensSource("pixel-facts")), entries=(0,)).result(WAIT).result
        )
        assert isinstance(facts, Facts)
        assert dict(facts.rows)["pixels"] == 16 * 16
        with pytest.raises(UsageError, match=r"^pixel-facts is about one patch"):
            client.look(reading.id, "tokens", lens_call(LensSource("pixel-facts"))).result(WAIT)
        wrong = client.look(reading.id, "tokens", lens_call(LensSource("saturation"), darkest=2))
        with pytest.raises(UsageError, match=r"^vlmtui_example_lenses\.py:\d+: darkest must be at most 1, not 2"):
            wrong.result(WAIT)
    finally:
        client.close()
