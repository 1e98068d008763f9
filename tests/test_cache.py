"""vlmtui's own cache: what it holds, what is only begun, and how it is cleared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import huggingface_hub
import pytest

from vlmtui import cache, catalogue
from vlmtui.errors import ModelError
from vlmtui.reports.commands.models import clear_model, model_table, models_object

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VLMTUI_CACHE", str(tmp_path))
    return tmp_path


def fetched(name: str, layers: int | str | None) -> Path:
    """A model in the cache: with so many decoder layers, "all", or None for one that is only begun."""
    folder = cache.commit_folder(name, COMMIT)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "llava"}))
    if layers is None:
        (folder / "part-1.incomplete").write_bytes(b"x" * 100_000)
    else:
        (folder / "part-1.safetensors").write_bytes(b"x" * 200_000)
        index = {"metadata": {"decoder_layers": layers}, "weight_map": {"a": "part-1.safetensors"}}
        (folder / cache.INDEX).write_text(json.dumps(index))
    return folder


def test_what_it_holds() -> None:
    assert cache.cached_models() == []
    fetched("org/begun", None)
    fetched("org/explored", 0)
    fetched("org/some", 3)
    fetched("org/whole", "all")
    assert [(held.name, held.finished, held.decoder_layers) for held in cache.cached_models()] == [
        ("org/begun", False, 0),
        ("org/explored", True, 0),
        ("org/some", True, 3),
        ("org/whole", True, None),
    ]
    ours = {model.name: model.decoder_layers for model in catalogue.models_on_disk() if model.owner == "vlmtui"}
    assert ours == {"org/explored": 0, "org/some": 3, "org/whole": None}
    shown = "\n".join(model_table())
    for words in ("for exploring", "with 3 decoder layers", "whole", "Incomplete: org/begun, 10", "--clear NAME"):
        assert words in shown, shown
    told = models_object()
    held = {one["name"]: (one["bytes"], one["decoder_layers"]) for one in told["on_disk"] if one["owner"] == "vlmtui"}
    assert held == {"org/explored": (200_000, 0), "org/some": (200_000, 3), "org/whole": (200_000, None)}
    assert [one["name"] for one in told["incomplete"]] == ["org/begun"]
    named = {one["name"]: one for one in told["named"]}
    assert named.keys() == catalogue.known_models().keys()
    assert all(one["download"] <= one["whole"] for one in named.values())
    fitting = sum(" yes, as " in line for line in shown.splitlines())
    assert abs(sum(one["fits"] for one in named.values()) - fitting) <= 1  # memory may be freed in between


def test_a_part_that_is_gone_makes_it_unfinished() -> None:
    folder = fetched("org/explored", 0)
    (folder / "part-1.safetensors").unlink()
    assert cache.cached_layers(folder) == (False, 0)


def test_clearing() -> None:
    folder = fetched("llava-hf/llava-1.5-7b-hf", 0)
    fetched("org/other", 0)
    assert "20" in clear_model("llava-1.5-7b")
    assert not folder.exists()
    assert [held.name for held in cache.cached_models()] == ["org/other"]
    with pytest.raises(ModelError, match="has nothing of llava-hf"):
        clear_model("llava-1.5-7b")
    with pytest.raises(ModelError, match="comes with vlmtui"):
        clear_model("demo")


def test_revisions_lead_nowhere_else(own: Path) -> None:
    cache.record_commit("org/model", "../../../escape", COMMIT)
    assert cache.recorded_commit("org/model", "../../../escape") == COMMIT
    assert not (own.parent / "escape").exists()
    assert cache.recorded_commit("org/model", COMMIT) is None
    fetched("org/model", 0)
    assert cache.recorded_commit("org/model", COMMIT) == COMMIT


MOVED = {
    "HF_HOME": ({"HF_HOME": "{home}/hub"}, "hub/assets"),
    "HF_ASSETS_CACHE": ({"HF_HOME": "{home}/hub", "HF_ASSETS_CACHE": "{home}/assets"}, "assets"),
    "variables": ({"HF_HOME": "$WHERE/hub", "WHERE": "{home}"}, "hub/assets"),
}


@pytest.mark.parametrize("name", MOVED)
def test_it_follows_the_hub_s_cache_and_finds_the_old_place(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VLMTUI_CACHE")
    monkeypatch.setattr(cache.platformdirs, "user_cache_path", lambda *_: tmp_path / "old")
    for one in ("HF_HOME", "HF_ASSETS_CACHE", "HUGGINGFACE_ASSETS_CACHE"):
        monkeypatch.delenv(one, raising=False)
    assert cache.folder() == tmp_path / "old"
    fetched("org/old", 0)
    variables, assets = MOVED[name]
    for one, value in variables.items():
        monkeypatch.setenv(one, value.format(home=tmp_path))
    theirs = huggingface_hub.cached_assets_path("vlmtui", subfolder="models", assets_dir=tmp_path / assets)
    assert cache.folder() / "models" == theirs
    assert fetched("org/new", 0).is_relative_to(tmp_path / assets)
    assert [model.name for model in cache.cached_models()] == ["org/new", "org/old"]
    # one that is there goes on where it is
    assert cache.commit_folder("org/old", COMMIT).is_relative_to(tmp_path / "old")
    assert cache.remove_model("org/old") > 0
    assert [model.name for model in cache.cached_models()] == ["org/new"]
    assert cache.commit_folder("org/old", COMMIT).is_relative_to(tmp_path / assets)


def test_the_hub_counts_its_own_variables_the_same(tmp_path: Path) -> None:
    code = "import huggingface_hub as h, vlmtui.cache as c; assert c.folder() == h.cached_assets_path('vlmtui').parent"
    for name in ("HF_HOME", "HF_ASSETS_CACHE"):
        own = {key: value for key, value in os.environ.items() if key not in ("VLMTUI_CACHE", "HF_HOME")}
        subprocess.run([sys.executable, "-c", code], env=own | {name: str(tmp_path / "moved")}, check=True)
