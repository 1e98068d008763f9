"""The unembedding against the model's own logits, for language models that scale or cap theirs."""

from __future__ import annotations

import pytest
import torch

from tests.models.test_vlm import held, picture, quiet
from tests.tiny_checkpoints import build_llava
from vlmtui.catalogue import ModelSource
from vlmtui.errors import ModelError
from vlmtui.models.decoder.full_model import FullModel
from vlmtui.models.loading.loader import load_model
from vlmtui.models.loading.model_folder import find_checkpoint


def whole(folder) -> FullModel:
    return FullModel(
        load_model(
            find_checkpoint(ModelSource("tiny", folder, None), None, quiet), quiet, device="cpu", decoder_layers=None
        )
    )


@pytest.mark.parametrize("text_class", ["LlamaConfig", "Gemma2Config", "GraniteConfig", "CohereConfig"])
def test_states_of_the_last_layer_become_the_models_own_logits(text_class, tmp_path):
    folder = build_llava(tmp_path / "model", text_class=text_class)
    part, full = held(folder), whole(folder)
    inputs = part.prepare(picture(50, 40), None)
    states, logits = full.last_layer_and_logits(inputs)
    assert torch.equal(full.head(states), logits)
    # the head is not among what is loaded in part
    with pytest.raises(ModelError, match="load the full model"):
        part.head  # noqa: B018


@pytest.mark.parametrize(("cap", "scale"), [(30.0, None), (None, 8.0), (5.0, 0.0625)])
def test_what_the_model_does_to_its_logits_is_seen_not_read(cap, scale, tmp_path, monkeypatch):
    """The same text model is capped or scaled in one vision-language model and not in another."""
    from transformers import LlavaForConditionalGeneration

    folder = build_llava(tmp_path / "model", text_class="Gemma2Config" if cap else "CohereConfig")
    plainly = LlavaForConditionalGeneration.forward

    def forward(self, *args, **options):
        made = plainly(self, *args, **options)
        made.logits = made.logits * scale if scale else made.logits
        made.logits = torch.tanh(made.logits / cap) * cap if cap else made.logits
        return made

    part, full = held(folder), whole(folder)
    text = full._model.config.get_text_config()
    text.final_logit_softcapping, text.logit_scale = cap, scale
    inputs = part.prepare(picture(50, 40), None)
    states, plain = full.last_layer_and_logits(inputs)
    assert torch.equal(full.head(states), plain)
    monkeypatch.setattr(LlavaForConditionalGeneration, "forward", forward)
    full = FullModel(_again(full, folder))
    states, logits = full.last_layer_and_logits(inputs)
    assert not torch.allclose(logits, plain)
    assert torch.equal(full.head(states), logits)


def _again(full: FullModel, folder):
    loaded = load_model(
        find_checkpoint(ModelSource("tiny", folder, None), None, quiet), quiet, device="cpu", decoder_layers=None
    )
    loaded.model.config = full._model.config
    return loaded


def test_what_it_cannot_explain_it_does_not_guess(tmp_path, monkeypatch):
    from transformers import LlavaForConditionalGeneration

    full = whole(build_llava(tmp_path / "model"))
    plainly = LlavaForConditionalGeneration.forward

    def forward(self, *args, **options):
        made = plainly(self, *args, **options)
        made.logits = made.logits.sin()
        return made

    monkeypatch.setattr(LlavaForConditionalGeneration, "forward", forward)
    with pytest.raises(ModelError, match="in a way vlmtui does not support"):
        full.head(torch.zeros(1, 48))
