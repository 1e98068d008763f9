"""Every family with a language model: what its layers put out at the image's positions, against transformers alone."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from transformers import Gemma3nForCausalLM, Gemma3nTextConfig

from tests.families import DISTINCT, FAMILIES
from tests.families.pictures import picture
from tests.families.reference import WholeModel
from vlmtui.catalogue import ModelSource
from vlmtui.errors import ModelError
from vlmtui.lenses.kernels.logit_lens import logit_lens
from vlmtui.models.decoder.generation import GenerationOptions, Generator
from vlmtui.models.decoder.unembedding import why_no_stream
from vlmtui.models.loading.loader import load_model
from vlmtui.models.loading.model_folder import find_checkpoint
from vlmtui.models.loading.processor import Inputs
from vlmtui.models.vlm import VisionLanguageModel

NAMES = [name for name, family in DISTINCT.items() if family.has_tokens and not family.encoder_decoder]
# its decoder adds to what a layer put out before the next one gets it, and its `hidden_states` are from before that
ADDS_BETWEEN = (
    *("qwen3_vl", "qwen3_vl_moe", "granite_docling"),
    *("cohere_compass", "cosmos3_omni", "qwen3_omni_moe_thinker"),
)
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


class Both:
    """One picture through vlmtui's model and through transformers' own."""

    def __init__(self, name: str, folder) -> None:
        family = FAMILIES[name]
        self.whole = WholeModel(folder, family)
        checkpoint = find_checkpoint(ModelSource("tiny", folder, None), None, lambda *_: None)
        self.model = VisionLanguageModel(load_model(checkpoint, lambda *_: None, device="cpu", decoder_layers=None))
        size = family.shapes["wide"]
        inputs = self.model.prepare(picture(*size), None)
        self.inputs = self.model.prompted(inputs, len(self.model.encode(inputs).tokens), None)
        self.places = self.inputs.input_ids[0] == self.whole.config.image_token_id
        self.image = Image.fromarray(picture(*size).rgb)

    def layers(self) -> list[Tensor]:
        found: list[Tensor] = []

        def on_layer(layer: int, states: Tensor) -> None:
            assert layer == len(found) + 1
            found.append(states)

        self.model.run_layers(self.inputs, on_layer)
        return found

    @torch.no_grad()
    def said(self) -> Any:
        """The output of transformers' model, and its layers' `hidden_states`, for what its own processor makes."""
        ids = self.inputs.input_ids
        if self.whole.processor is not None:
            made = dict(self.whole.processor(images=self.image, text=self.whole._prompt(), return_tensors="pt"))
            made.pop("labels", None)
            if (mask := made.get("image_embeds_position_mask")) is None:
                assert torch.equal(ids, made["input_ids"])
            else:  # of Kosmos-2, which never reads the ids at the image's positions
                assert torch.equal(ids[mask == 0], made["input_ids"][mask == 0])
                assert torch.equal(self.places, mask[0].bool())
        else:  # the picture's inputs are its own, the prompt is ours
            made, _ = self.whole._inputs(self.image)
            kinds = (ids == self.whole.config.image_token_id).long()
            made |= {"input_ids": ids, "attention_mask": torch.ones_like(ids), "mm_token_type_ids": kinds}
        accepted = inspect.signature(self.whole.model.forward).parameters
        made = {key: value for key, value in made.items() if key in accepted}
        return self.whole.model(**made, output_hidden_states=True)


@pytest.fixture(scope="module", params=NAMES)
def both(request, folders) -> Both:
    return Both(request.param, folders(request.param, False))


def test_norms_are_those_of_the_hidden_states(both):
    """`hidden_states[i]` is what the i-th layer put out; the last of them has been through the final norm."""
    said, ours = both.said(), both.layers()
    true = getattr(said, "hidden_states", None) or said.language_model_outputs.hidden_states
    assert len(ours) == both.model.info.llm_layers == len(true) - 1
    assert not torch.allclose(ours[-1], true[-1][0, both.places])
    if both.whole.config.model_type in ADDS_BETWEEN:
        return
    for mine, theirs in zip(ours[:-1], true[1:-1], strict=True):
        torch.testing.assert_close(mine, theirs[0, both.places], rtol=1e-4, atol=1e-5 * float(theirs.abs().max()))


def test_the_last_layers_words_are_the_models_own_logits(both):
    ours, said = both.layers(), both.said()
    true = getattr(said, "logits", None)[0, both.places]
    mine = both.model.head.float32(ours[-1])
    torch.testing.assert_close(mine, true, rtol=1e-4, atol=1e-5 * float(true.abs().max()))
    rows = torch.arange(both.model.head.rows)
    found = logit_lens(ours[-1], both.model.head.float32, len(rows), rows, 3)
    best = true.topk(3, dim=-1)
    torch.testing.assert_close(found.scores, best.values.double(), rtol=1e-4, atol=1e-5 * float(true.abs().max()))
    assert float((found.ids[:, 0] == best.indices[:, 0]).double().mean()) > 0.99


def test_what_enters_the_layer_after_is_what_is_read(both):
    """By hooks of its own; so also where the decoder adds something in between."""
    decoder = next(part for part in both.whole.model.get_decoder().modules() if hasattr(part, "layers"))
    entered: list[Tensor] = []

    def enters(_: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        entered.append((args[0] if args else options["hidden_states"])[0, both.places])

    hooks = [layer.register_forward_pre_hook(enters, with_kwargs=True) for layer in decoder.layers[1:]]
    said = both.said()
    for hook in hooks:
        hook.remove()
    ours = both.layers()
    for mine, theirs in zip(ours[:-1], entered, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5 * float(theirs.abs().max()))
    if both.whole.config.model_type in ADDS_BETWEEN:
        before = said.hidden_states[1][0, both.places]
        assert not torch.allclose(before, ours[0], rtol=1e-2)


def test_a_pass_that_is_ended_leaves_nothing_behind(both):
    class EnoughError(Exception):
        pass

    def stop(layer: int, states: Tensor) -> None:
        raise EnoughError

    with pytest.raises(EnoughError):
        both.model.run_layers(both.inputs, stop)
    assert len(both.layers()) == both.model.info.llm_layers
    hooks = sum(len(part._forward_pre_hooks) + len(part._forward_hooks) for part in both.model._model.modules())
    with pytest.raises(EnoughError):
        both.model.run_layers(both.inputs, stop)
    assert hooks == sum(len(p._forward_pre_hooks) + len(p._forward_hooks) for p in both.model._model.modules())


def test_the_prompt_holds_one_image_token_for_each_token(both):
    assert isinstance(both.inputs, Inputs)
    assert int(both.places.sum()) == len(both.layers()[0])


def test_without_its_processor_a_prompt_has_its_marks(both):
    """Around the picture and after its rows, as Pixtral's and InternVL's processors write them."""
    if both.whole.processor is not None:
        return
    name, tokenizer = both.whole.family.name, both.model.tokenizer
    pieces = tokenizer.convert_ids_to_tokens(both.inputs.input_ids[0].tolist())
    at = torch.nonzero(both.places).flatten().tolist()
    around = pieces[at[0] - 1], pieces[at[-1] + 1]
    if name == "internvl":
        assert around == ("<img>", "</img>")
    if name in ("pixtral", "mistral3"):
        tile = both.model.family.shapes(both.model.family.frames(both.inputs.pixels))[0]
        side = 1 if name == "pixtral" else both.whole.config.spatial_merge_size
        rows, cols = tile[0] // side, tile[1] // side
        assert rows > 1
        rest = pieces[at[0] :]
        for row in range(rows):
            line = rest[row * (cols + 1) : (row + 1) * (cols + 1)]
            assert line == ["[IMG]"] * cols + ["[IMG_END]" if row == rows - 1 else "[IMG_BREAK]"]
    if name.startswith("qwen"):
        assert around == ("<|vision_start|>", "<|vision_end|>")


def test_an_encoder_decoder_is_refused_where_its_layers_are_asked_for(folders):
    checkpoint = find_checkpoint(ModelSource("tiny", folders("blip2_t5", False), None), None, lambda *_: None)
    loaded = load_model(checkpoint, lambda *_: None, device="cpu", decoder_layers=None)
    model = VisionLanguageModel(loaded)
    inputs = model.prepare(picture(60, 40), None)
    for asked in (lambda: model.run_layers(inputs, lambda *_: None), lambda: Generator(loaded), lambda: model.head):
        with pytest.raises(ModelError, match="is an encoder–decoder, whose layers and answers vlmtui does not read"):
            asked()


def test_a_decoder_that_puts_the_image_in_itself_gives_no_answers(folders):
    checkpoint = find_checkpoint(ModelSource("tiny", folders("kosmos2", False), None), None, lambda *_: None)
    loaded = load_model(checkpoint, lambda *_: None, device="cpu", decoder_layers=None)
    with pytest.raises(
        ModelError, match=r"puts the image's tokens in by itself, .* look at its stages llm\.1 and later"
    ):
        Generator(loaded)


def test_several_residual_streams_have_no_lens_between_layers_and_give_answers(folders):
    checkpoint = find_checkpoint(ModelSource("tiny", folders("qwen4_exp", False), None), None, lambda *_: None)
    model = VisionLanguageModel(load_model(checkpoint, lambda *_: None, device="cpu", decoder_layers=None))
    inputs = model.prepare(picture(60, 40), None)
    inputs = model.prompted(inputs, len(model.encode(inputs).tokens), None)
    for asked in (lambda: model.run_layers(inputs, lambda *_: None), lambda: model.head):
        with pytest.raises(ModelError, match="keeps 4 residual streams for each token"):
            asked()
    assert model.generator.generate(inputs, options=GenerationOptions(max_new_tokens=2)).tokens


def test_gemma_3n_keeps_as_many_streams_as_its_first_layer_receives() -> None:
    config = Gemma3nTextConfig(
        vocab_size=32, hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=8, hidden_size_per_layer_input=4, vocab_size_per_layer_input=32,
        laurel_rank=4, altup_num_inputs=3, num_kv_shared_layers=0, activation_sparsity_pattern=[0.0, 0.0],
        layer_types=["sliding_attention", "full_attention"],
    )  # fmt: skip
    model = Gemma3nForCausalLM(config).eval()
    received: list[Any] = []
    model.model.layers[0].register_forward_pre_hook(lambda _, args: received.append(args[0]))
    embeddings = torch.randn(1, 3, 16)
    model(inputs_embeds=embeddings, per_layer_inputs=torch.zeros(1, 3, 2, 4))
    assert received[0].shape == (3, 1, 3, 16)
    torch.testing.assert_close(received[0][0], embeddings)
    assert "tiny keeps 3 residual streams" in why_no_stream(model, "tiny")
