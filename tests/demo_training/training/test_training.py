"""The making of the models: batches, the paths to vectors, a stopped run that goes on, the folders that ship."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForImageClassification, AutoProcessor, LlavaForConditionalGeneration, SiglipModel

from demo_training import train
from demo_training.targets import SIGNALS
from demo_training.tokenizer import TEXT_LENGTH, build_text_tokenizer, text_ids
from demo_training.training import models, trainer
from demo_training.training.batches import IGNORE, Batch, SceneBatches, conversation, prefix_ids
from demo_training.training.losses import image_tokens, image_vectors, pair_loss, pixel_values
from demo_training.training.models import build_llava, build_processor, build_siglip, build_vit
from demo_training.training.recipes import LANGUAGE, RECIPES, SHIPPED, TOWER, Model, Stage
from demo_training.training.scene_store import SceneStore, draw_scenes
from tests.demo_training.small_recipe import COUNT, RECIPE, SMALL
from vlmtui.demo import WEIGHTS


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "scenes"
    draw_scenes(folder, COUNT, 1)
    return folder


@pytest.fixture(scope="module")
def drawings(scenes: Path) -> SceneStore:
    return SceneStore(scenes, COUNT, torch.device("cpu"))


def test_batches_depend_on_their_number_alone(drawings: SceneStore) -> None:
    stage = Stage("all", 5, 3, 1, 1, match=1, patch=1, talk=1, kind=1, talkers=2, kept=0.5, balance=0.5)
    data = SceneBatches(drawings, (1, 2), stage)
    one, again, other = data[3], SceneBatches(drawings, (1, 2), stage)[3], data[4]
    for name in ("pixels", "kept", "chosen", "signals", "ids", "answers", "captions", "kinds"):
        assert torch.equal(getattr(one, name), getattr(again, name)), name
    assert one.pixels.shape == (3, 224, 224, 3)
    assert one.kept.shape == (3, 98)
    assert (one.kept.diff(dim=1) > 0).all()
    assert one.signals.shape == (3, 98, SIGNALS)
    assert all(len(set(row.tolist())) == 98 for row in one.chosen)
    assert one.captions.shape == (3, TEXT_LENGTH)
    assert len(one.ids) == 2
    assert not torch.equal(one.pixels, other.pixels)
    assert torch.equal(one.answers[one.answers != IGNORE], one.ids[one.answers != IGNORE])


def test_a_crop_takes_its_labels_along(scenes: Path, drawings: SceneStore) -> None:
    """Every crop is a window of its scene, pixels (before their light) and labels at one place."""
    labels = np.load(scenes / "labels.npy")
    made = drawings.take(8, np.random.default_rng(5))
    for own in made.labels.numpy():
        windows = [
            (y, x, turned)
            for each in labels
            for turned in (False, True)
            for y in range(17)
            for x in range(17)
            if np.array_equal((lambda w: w[:, ::-1] if turned else w)(each[y : y + 224, x : x + 224]), own)
        ]
        assert windows


def test_light_goes_through_a_table_for_each_channel() -> None:
    from demo_training.training.scene_store import _apply_tables

    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (2, 4, 5, 3), dtype=np.uint8)
    tables = rng.integers(0, 256, (2, 3, 256), dtype=np.uint8)
    found = _apply_tables(torch.from_numpy(rgb), torch.from_numpy(tables)).numpy()
    for b in range(2):
        for channel in range(3):
            assert np.array_equal(found[b, ..., channel], tables[b, channel][rgb[b, ..., channel]])


def test_small_things_are_asked_for_more_often_when_balanced(drawings: SceneStore) -> None:
    stage = Stage("patches", 1, 4, 1, 1, patch=1)
    data = SceneBatches(drawings, (0, 0), stage)
    data._odds = torch.ones_like(data._odds)
    plain = data[0]
    share = plain.signals[..., : SIGNALS - 33].max(-1).values
    assert share.mean() > 0.5
    counts = torch.bincount(plain.chosen.flatten(), minlength=196)
    assert int((counts > 0).sum()) > 100  # anywhere in the picture


def test_training_reads_the_ids_that_the_shipped_template_makes() -> None:
    """Two turns: what the processor makes of the conversation is what training fed to the model."""
    processor = build_processor()
    turns = [("What color is the sky?", "blue."), ("Describe the image.", "a blue sky.")]
    messages = []
    for i, (question, answer) in enumerate(turns):
        picture = [{"type": "image"}] if i == 0 else []
        messages.append({"role": "user", "content": [*picture, {"type": "text", "text": question}]})
        messages.append({"role": "assistant", "content": [{"type": "text", "text": answer}]})
    text = processor.apply_chat_template(messages)
    expected = processor.tokenizer(text)["input_ids"]
    at = expected.index(processor.image_token_id)
    assert expected[:at] == prefix_ids()
    assert expected[at + 1 :] == conversation(turns)[0]


def test_the_text_tower_reads_what_its_processor_makes() -> None:
    made = build_text_tokenizer()(["a red car.", "sky"], padding="max_length", truncation=True, max_length=TEXT_LENGTH)
    assert made["input_ids"] == [list(text_ids("a red car.")), list(text_ids("sky"))]
    assert set(made) == {"input_ids"}


def test_image_tokens_are_what_llava_gives_its_language_model() -> None:
    model = build_llava(SMALL, 3)
    pixels = torch.rand(2, 3, 224, 224) * 2 - 1
    with torch.no_grad():
        own, llava = image_tokens(model, pixels), model.get_image_features(pixels).pooler_output
    assert torch.equal(own, torch.stack(list(llava)))


def test_image_vectors_and_the_loss_are_those_of_siglip() -> None:
    """transformers' own forward pass, with its own loss."""
    model = build_siglip(SMALL, 3)
    rgb = torch.randint(0, 256, (4, 224, 224, 3), dtype=torch.uint8)
    ids = torch.tensor([text_ids(text) for text in ("a red car.", "sky", "a tree.", "green grass.")])
    with torch.no_grad():
        theirs = model(input_ids=ids, pixel_values=pixel_values(rgb), return_loss=True)
        pictures = image_vectors(model, pixel_values(rgb))
        own = pair_loss(model, pictures, model.text_model(input_ids=ids).pooler_output)
        some = image_vectors(model, pixel_values(rgb), torch.arange(196).expand(4, -1))
    assert float(own) == pytest.approx(float(theirs.loss), rel=1e-5)
    assert torch.allclose(some, pictures, atol=1e-6)


def test_the_vit_begins_as_the_tower() -> None:
    """Without its class token, which is new, ViT's last states are the SigLIP tower's."""
    siglip, vit = build_siglip(SMALL, 3), build_vit(SMALL, 4)
    models.copy_tower_to_vit(siglip, vit)
    pixels = torch.rand(1, 3, 224, 224) * 2 - 1
    tower = siglip.vision_model
    with torch.no_grad():
        hidden = vit.vit.embeddings(pixels)[:, 1:]
        assert torch.allclose(hidden, tower.embeddings(pixels), atol=1e-6)
        for layer in vit.vit.layers:
            hidden = layer(hidden)
        own = tower.post_layernorm(tower.encoder(inputs_embeds=tower.embeddings(pixels)).last_hidden_state)
        assert torch.allclose(vit.vit.layernorm(hidden), own, atol=1e-5)


def test_the_script_makes_the_same_models_on_a_device_apart_from_the_cpu(tmp_path: Path) -> None:
    """All of it, from batches to folders, where a tensor that is left on the other device is an error as on a GPU."""
    command = [sys.executable, "-m", "tests.demo_training.other_process", str(tmp_path)]
    subprocess.run(command, cwd=Path(__file__).parents[3], check=True, timeout=600)
    for folder in train.FOLDERS.values():
        near, apart = (load_file(tmp_path / device / folder / "model.safetensors") for device in ("cpu", "gpu"))
        assert near.keys() == apart.keys()
        for key, value in near.items():
            assert torch.allclose(value, apart[key], atol=1e-4), (folder, key)
        assert json.loads((tmp_path / "gpu" / folder / "training.json").read_text())["device"] == "gpu"


class StoppedError(Exception):
    pass


@pytest.fixture(scope="module")
def whole(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> train.Run:
    run = begun(scenes, tmp_path_factory.mktemp("whole"))
    run.train()
    return run


def begun(scenes: Path, folder: Path) -> train.Run:
    folder.mkdir(exist_ok=True)
    if not (folder / "scenes").exists():
        (folder / "scenes").symlink_to(scenes)
    return train.Run(RECIPE, folder, "cpu", 0, scenes=2)


def weights(run: train.Run, name: str) -> dict[str, torch.Tensor]:
    return run.trainers[name].task.model.state_dict()


@pytest.mark.parametrize("stop", [("siglip", 1, 0), ("demo", 0, 1)])
def test_a_stopped_run_goes_on_where_it_was(
    whole: train.Run, scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: tuple[str, int, int]
) -> None:
    learn = trainer.Trainer._learn
    monkeypatch.setattr(trainer, "SAVE_EVERY", 1)

    def learn_until(self: trainer.Trainer, stage: Stage, batch: Batch) -> dict[str, float]:
        if (self._file.stem, self.stage, self.step) == stop:
            raise StoppedError
        return learn(self, stage, batch)

    with monkeypatch.context() as patched:
        patched.setattr(trainer.Trainer, "_learn", learn_until)
        with pytest.raises(StoppedError):
            begun(scenes, tmp_path / "run").train()
    again = begun(scenes, tmp_path / "run")
    again.train()
    for name in RECIPE.stages:
        for key, value in weights(whole, name).items():
            assert torch.equal(value, weights(again, name)[key]), (name, key)


def test_what_is_frozen_stays_and_the_rest_moves(whole: train.Run) -> None:
    captioned, tower = weights(whole, "captioned"), weights(whole, "siglip")
    language = weights(whole, "language")
    for key, value in captioned.items():
        if key.startswith(TOWER):
            assert torch.equal(value, tower["vision_model." + key.removeprefix(TOWER)])
        if key.startswith(LANGUAGE):
            assert torch.equal(value, language[key])
    projector = "model.multi_modal_projector.linear_1.weight"
    fresh = build_llava(SMALL, train.SEED + 2000).state_dict()[projector]
    assert not torch.equal(captioned[projector], fresh)


def test_the_folders_load_in_stock_transformers(whole: train.Run, tmp_path: Path) -> None:
    whole.write(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"demo", "demo-captioned", "demo-siglip", "demo-vit"}
    for folder in tmp_path.iterdir():
        assert (folder / "training.json").exists()
        assert not [p for p in folder.iterdir() if p.suffix in (".bin", ".pt")]
    LlavaForConditionalGeneration.from_pretrained(tmp_path / "demo")
    AutoModelForImageClassification.from_pretrained(tmp_path / "demo-vit")
    model, processor = (
        SiglipModel.from_pretrained(tmp_path / "demo-siglip"),
        AutoProcessor.from_pretrained(tmp_path / "demo-siglip"),
    )
    made = processor(text=["A red car."], padding="max_length", return_tensors="pt")
    assert made["input_ids"].shape == (1, TEXT_LENGTH)
    assert torch.isfinite(model.get_text_features(**made).pooler_output).all()


def test_every_model_follows_those_it_begins_with() -> None:
    for recipe in RECIPES.values():
        order = list(recipe.stages)
        assert order.index("siglip") < min(order.index(name) for name in ("captioned", "demo", "vit"))
        assert order.index("language") < order.index("demo")
        for stages in recipe.stages.values():
            for stage in stages:
                assert stage.match or stage.patch or stage.talk or stage.kind
                assert bool(stage.talkers) == bool(stage.talk and stage.pictures), stage
    short = train.shortened(SHIPPED, 0.0005)
    assert short.scenes == 10
    assert {stage.steps for stages in short.stages.values() for stage in stages} == {2}
    assert replace(short, stages=SHIPPED.stages, scenes=SHIPPED.scenes) == SHIPPED


def test_scenes_that_the_disk_cannot_hold_are_not_begun(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="GB free"):
        draw_scenes(tmp_path / "scenes", 10**12, 1)
    assert not list((tmp_path / "scenes").iterdir())


def test_a_device_that_is_not_there_is_said_before_anything_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["train", "--device", "cuda:99", "--work", str(tmp_path / "run")])
    with pytest.raises(SystemExit, match="torch cannot use cuda:99"):
        train.main()
    assert not (tmp_path / "run").exists()


def test_a_gpu_without_room_for_the_scenes_is_said_before_anything_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = torch.empty
    monkeypatch.setattr(torch, "empty", lambda *sizes, device: empty(*sizes))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (8 * 10**9, 24 * 10**9))
    train.check_device("cuda:0", SHIPPED)
    with pytest.raises(SystemExit, match=r"100000 scenes need 23\.0 GB on cuda:0, which has 8\.0 GB free"):
        train.check_device("cuda:0", RECIPES["large"])


def test_a_folder_is_of_one_recipe(tmp_path: Path) -> None:
    train.claim_folder(tmp_path / "run", SHIPPED)
    train.claim_folder(tmp_path / "run", SHIPPED)
    with pytest.raises(SystemExit, match="another recipe"):
        train.claim_folder(tmp_path / "run", RECIPES["hour"])


@pytest.mark.parametrize("model", ["siglip", "captioned", "demo", "vit"])
def test_the_weights_that_ship_say_the_recipe_that_makes_them(model: Model) -> None:
    """Every number of `--recipe shipped` is one that the run wrote beside its weights."""
    told = json.loads((WEIGHTS / train.FOLDERS[model] / "training.json").read_text())
    assert told["seed"] == train.SEED
    assert told["scenes"] == SHIPPED.scenes
    assert told["stages"] == json.loads(json.dumps([asdict(stage) for stage in SHIPPED.stages[model]]))
