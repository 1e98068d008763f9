"""What a model name stands for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vlmtui import catalogue
from vlmtui.errors import ModelError


def test_without_a_name_it_is_the_demo_or_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VLMTUI_MODEL", raising=False)
    assert catalogue.default_model() == "demo"
    monkeypatch.setenv("VLMTUI_MODEL", "org/model")
    assert catalogue.default_model() == "org/model"
    monkeypatch.setenv("VLMTUI_MODEL", "")
    assert catalogue.default_model() == "demo"


def test_the_demo_says_what_it_is() -> None:
    for name in ("demo", "demo-captioned", "demo-siglip", "demo-vit"):
        source = catalogue.resolve_model(name)
        assert source.folder is not None
        assert source.folder.name == name
        assert "trained on drawings" in source.note
        if source.folder.is_dir():
            assert catalogue.resolve_model(str(source.folder)).note == source.note
        assert catalogue.note_with_advice(source.note).endswith("VLMTUI_MODEL")
    assert catalogue.note_with_advice("quantised") == "quantised"


def test_a_folder_that_is_called_like_ours_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    assert catalogue.resolve_model(str(tmp_path / "demo")).note == ""


def test_folders_aliases_and_hub_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert catalogue.resolve_model(str(tmp_path)).folder == tmp_path
    assert catalogue.resolve_model("llava-1.5-7b").hub_name == "llava-hf/llava-1.5-7b-hf"
    assert catalogue.resolve_model("org/model").hub_name == "org/model"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "org" / "model").mkdir(parents=True)
    assert catalogue.resolve_model("org/model").folder == Path("org/model")


@pytest.mark.parametrize("name", ["./no", "/no/such/folder", "~/no-such", "no-slash", "a/b/c", "a//b", ""])
def test_what_is_no_model_is_said_so(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError) as caught:
        catalogue.resolve_model(name)
    assert "\n" not in str(caught.value)


def test_a_file_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match="is a file"):
        catalogue.resolve_model(str(tmp_path / "model.safetensors"))


def test_models_on_this_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    whole = tmp_path / "models--org--whole" / "snapshots" / "abc"
    part = tmp_path / "models--org--part" / "snapshots" / "abc"
    broken = tmp_path / "models--org--broken" / "snapshots" / "abc"
    for folder in (whole, part, broken):
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps({"model_type": "llava"}))
    (whole / "model.safetensors").write_bytes(b"x")
    (broken / "model.safetensors").write_bytes(b"x")
    (broken / "config.json").write_text("[]")
    monkeypatch.setenv("VLMTUI_CACHE", str(tmp_path / "own"))
    ships = len(catalogue.DEMO_NOTES)
    shipped, found = catalogue.models_on_disk()[:ships], catalogue.models_on_disk()[ships:]
    assert {(model.name, model.owner) for model in shipped} == {(name, "demo") for name in catalogue.DEMO_NOTES}
    assert found == [catalogue.LocalModel("org/whole", "llava", whole)]


def test_every_short_name_stands_for_a_model_on_the_hub() -> None:
    for alias, model in catalogue.known_models().items():
        assert catalogue.resolve_model(alias).hub_name == model.hub
        assert model.hub.count("/") == 1
        assert 0 < model.download <= model.whole
