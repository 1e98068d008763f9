"""What a family costs: in a copy of the package a family and an encoder are added by a file and a line each.

The family is that of the recipe in CONTRIBUTING.md.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import transformers
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from tests.families import anyres
from tests.families.base import save, save_parts, text, tokenizer, vision
from tests.families.towers import LABELS
from tests.models.test_vlm import held
from tests.recipes import recipe
from vlmtui.errors import ModelError
from vlmtui.models.families.registry import FAMILIES, UnknownFamily, family_class

PACKAGE = Path(__file__).parents[3] / "vlmtui"
IMAGE = PACKAGE.parent / "sample_images" / "scene-town.png"
REGISTRY = Path("models/families/registry.py")
RECIPE = recipe("Add a family")
((WHERE, BODY),) = RECIPE.files.items()
ADDED = {
    "lighton_ocr": (f"{WHERE.stem}.LightOnOcr", BODY),
    "metaclip_2": (
        "metaclip2.MetaClip2",
        '''"""MetaCLIP 2: CLIP's towers, trained on texts of all languages."""

from __future__ import annotations

from vlmtui.models.families.clip import Clip


class MetaClip2(Clip):
    """As CLIP."""

    title = "MetaCLIP 2"
    part_titles = {"metaclip_2": "MetaCLIP 2"}
    patch_path = "MetaCLIP's value path"
''',
    ),
}
DRIVER = """
import contextlib, io, json, sys
from vlmtui.cli import main
from vlmtui.errors import UsageError
from vlmtui.models.families.registry import check_classifier, check_text_tower, family_class

def run(*words):
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main([*words, "--quiet", "--device", "cpu"])
        out.flush()
    return [status, out.buffer.getvalue().decode("utf-8", "replace"), err.getvalue()]

def refused(check, model_type):
    try:
        check("it", model_type)
    except UsageError:
        return True
    return False

image, lighton, towers, head = sys.argv[1:]
added, texts = ("lighton_ocr", "metaclip_2"), ("--text", "a blue sky", "--text", "coffee")
found = {
    "titles": [family_class(one).title for one in added],
    "refused": [refused(check, one) for check in (check_text_tower, check_classifier) for one in added],
    "torch": "torch" in sys.modules,
}
# one for all that follows: its start takes seconds
assert main(["session", "start", "--idle", "5m", "--quiet"]) == 0
found |= {
    "lighton": run("report", image, "--model", lighton, "--format", "json"),
    "towers": run("report", image, "--model", towers, "--stage", "vision.4", "--format", "json"),
    "match": run("match", image, "--model", towers, *texts, "--patches", "--format", "json"),
    "classify": run("classify", image, "--model", head, "-k", "2", "--format", "json"),
    "refusal": run("match", image, "--model", lighton, "--text", "a blue sky"),
}
found["parts"] = []
import vlmtui
for folder in (lighton, towers):
    with vlmtui.open_session(folder, device="cpu") as session:
        found["parts"].append(session.model.parts)
assert main(["session", "stop", "--quiet"]) == 0
print(json.dumps(found))
"""


def metaclip(folder: Path, architecture: Callable[[Any], Any]) -> Path:
    tokens = tokenizer()
    reader = text(tokens, hidden_size=32, intermediate_size=64, max_position_embeddings=64)
    reader.pop("num_key_value_heads")
    config = transformers.MetaClip2Config(vision_config=vision(image_size=70, patch_size=14), text_config=reader)
    config.id2label, config.label2id = LABELS, {label: i for i, label in LABELS.items()}
    save(architecture(config), folder)
    images = CLIPImageProcessorPil(size={"shortest_edge": 70}, crop_size={"height": 70, "width": 70})
    save_parts(folder, images, tokens, "CLIPProcessor")
    return folder


def copied(into: Path) -> Path:
    """The package copied with both families: a file and a line of the registry each."""
    package = into / "vlmtui"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__", "weights"))
    (package / "demo" / "weights").symlink_to(PACKAGE / "demo" / "weights")
    RECIPE.apply(into)
    where, body = ADDED["metaclip_2"]
    (package / "models" / "families" / f"{where.partition('.')[0]}.py").write_text(body)
    registry = (package / REGISTRY).read_text()
    (package / REGISTRY).write_text(
        registry.replace('    "llava": ', f'    "metaclip_2": "{where}",\n    "llava": ', 1)
    )
    return package


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("checkpoints")
    return [
        anyres.lighton_ocr(folder / "lighton"),
        metaclip(folder / "towers", transformers.MetaClip2Model),
        metaclip(folder / "head", transformers.MetaClip2ForImageClassification),
    ]


@pytest.fixture(scope="module")
def found(checkpoints: list[Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the copy says of the checkpoints, from one process."""
    folder, runtime = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("runtime")
    env = os.environ | {"PYTHONPATH": str(copied(folder).parent), "XDG_RUNTIME_DIR": str(runtime)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", DRIVER, str(IMAGE), *map(str, checkpoints)],
        env=env,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def report(found: dict[str, Any], name: str) -> Any:
    status, out, error = found[name]
    assert status == 0, error
    return json.loads(out)


def test_without_the_lines_the_one_is_unknown_and_the_other_refused(checkpoints: list[Path]) -> None:
    assert all(family_class(model_type) is UnknownFamily for model_type in ADDED)
    with pytest.raises(ModelError, match="metaclip_2 model, neither a vision-language model"):
        held(checkpoints[1])


def test_their_traits_are_known_without_torch(found: dict[str, Any]) -> None:
    assert found["titles"] == ["LightOnOCR", "MetaCLIP 2"]
    assert found["refused"] == [True, False, True, False]
    assert not found["torch"]
    status, out, error = found["refusal"]
    assert (status, out) == (2, "")
    assert "the vision tower of a vision-language model lacks the text tower" in error


def test_the_family_reads_an_image(found: dict[str, Any]) -> None:
    lighton = report(found, "lighton")
    assert lighton["model"]["family"] == "lighton_ocr"
    # at most 104 pixels on a side, up to whole tokens of 16
    assert max(lighton["grids"][0][side] for side in ("rows", "cols")) == 7
    assert len(lighton["tokens"]) == lighton["grids"][0]["rows"] * lighton["grids"][0]["cols"]
    assert all(token["box"] for token in lighton["tokens"])


def test_the_encoder_reads_an_image_texts_and_classes(found: dict[str, Any]) -> None:
    assert found["parts"] == ["Pixtral 8/104 → patch merger and MLP → Qwen3", "MetaCLIP 2 14/70"]
    assert report(found, "towers")["grids"]
    matched = report(found, "match")
    assert "MetaCLIP's value path" in json.dumps(matched)
    assert "class" in json.dumps(report(found, "classify"))


def test_each_is_one_file_and_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = copied(tmp_path)
    files = {path.relative_to(PACKAGE): path.read_bytes() for path in PACKAGE.rglob("*.py")}
    now = {path.relative_to(copy): path.read_bytes() for path in copy.rglob("*.py")}
    new = sorted(now.keys() - files.keys())
    changed = [path for path in files if "weights" not in path.parts and files[path] != now[path]]
    lines = len(now[REGISTRY].splitlines()) - len(files[REGISTRY].splitlines())
    with capsys.disabled():
        print(f"\n{len(ADDED)} families: {len(new)} new files, {lines} lines in {', '.join(map(str, changed))}")
    assert new == sorted(Path("models/families") / f"{where.partition('.')[0]}.py" for where, _ in ADDED.values())
    assert changed == [REGISTRY]
    assert lines == len(ADDED)
    assert not ADDED.keys() & FAMILIES.keys()
