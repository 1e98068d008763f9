"""The training script: batches, the path to the image tokens, and a stopped run that goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from vlmtui.demo import train
from vlmtui.demo.data import IGNORE, Scenes, conversation, draw_ahead, prefix_ids
from vlmtui.demo.losses import image_tokens
from vlmtui.demo.model import build_model, build_processor
from vlmtui.demo.targets import SIGNALS

COUNT = 6
STAGES = (train.Stage("patch", 1, 1, 1e-3, 1, 1, 0, 0, 0.5, 9), train.Stage("both", 2, 2, 1e-3, 1, 1, 1, 1, 0.5, 9))


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    draw_ahead(folder / "scenes", COUNT, 1)
    return folder


def trainer(work: Path, folder: Path) -> train.Trainer:
    folder.mkdir(exist_ok=True)
    if not (folder / "scenes").exists():
        (folder / "scenes").symlink_to(work / "scenes")
    return train.Trainer(STAGES, folder, "cpu", COUNT, 0)


def test_batches_depend_on_their_number_alone(work: Path) -> None:
    data = Scenes(work / "scenes", COUNT, (1, 2), 5, 2, 2, 0.5)
    one, again = data[3], Scenes(work / "scenes", COUNT, (1, 2), 5, 2, 2, 0.5)[3]
    assert torch.equal(one.pixels, again.pixels)
    assert torch.equal(one.ids, again.ids)
    assert one.pixels.shape == (2, 3, 224, 224)
    assert one.told.shape[-1] == SIGNALS
    assert not torch.equal(one.pixels, data[4].pixels)
    assert torch.equal(one.answers[one.answers != IGNORE], one.ids[one.answers != IGNORE])


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


def test_image_tokens_are_what_llava_gives_its_language_model() -> None:
    model = build_model(3)
    pixels = torch.rand(2, 3, 224, 224) * 2 - 1
    with torch.no_grad():
        own, llava = image_tokens(model, pixels), model.get_image_features(pixels).pooler_output
    assert torch.equal(own, torch.stack(list(llava)))


def test_a_stopped_run_goes_on_where_it_was(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "SAVE_EVERY", 1)
    monkeypatch.setattr(train, "held_out", lambda first, count: [])
    monkeypatch.setattr(train.Trainer, "_watch", lambda self, scenes: None)
    whole = trainer(work, tmp_path / "whole")
    whole.run()

    class StoppedError(Exception):
        pass

    stopped = trainer(work, tmp_path / "stopped")
    learn = stopped._learn

    def learn_until(stage: train.Stage, batch: train.Batch) -> dict[str, float]:
        if stopped.stage == 1 and stopped.step == 1:
            raise StoppedError
        return learn(stage, batch)

    monkeypatch.setattr(stopped, "_learn", learn_until)
    with pytest.raises(StoppedError):
        stopped.run()
    again = trainer(work, tmp_path / "stopped")
    again.run()
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[name]), name
