"""Pictures against texts, against transformers' own CLIP, SigLIP and SigLIP 2."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import sentencepiece as spm
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer, SiglipTokenizer

from tests.families import build
from tests.families.towers import classifying
from tests.models.test_vlm import held, picture
from vlmtui.errors import ModelError, UsageError
from vlmtui.lenses.kernels.contrastive import cosines, pair_loss
from vlmtui.models.vision.tower_output import capture_outputs
from vlmtui.models.vlm import VisionLanguageModel

TEXTS = ("a blue sky", "a cat and a dog look at a small house", "coffee")
PICTURES = ((90, 60), (40, 120), (64, 64))
NAMES = ("clip", "siglip", "siglip2")


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    return {name: build(name, tmp_path_factory.mktemp("towers") / name) for name in NAMES}


@pytest.fixture(params=NAMES)
def folder(request, folders) -> Path:
    return folders[request.param]


def both(folder: Path) -> VisionLanguageModel:
    """The model with both of its towers."""
    return held(folder, decoder_layers=None)


@torch.no_grad()
def theirs(folder: Path, texts=TEXTS):
    """transformers' own output for the pictures and texts, with its own loss."""
    model = AutoModel.from_pretrained(folder).eval()
    images = AutoImageProcessor.from_pretrained(folder, backend="pil")
    pixels = images(images=[Image.fromarray(picture(*size).rgb) for size in PICTURES], return_tensors="pt")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    # as the published processors of SigLIP have it: texts filled up at their end, and no mask
    how = {"padding": True} if "clip" in folder.name else {"padding": "max_length", "padding_side": "right"}
    ids = tokenizer(list(texts), max_length=64, truncation=True, return_tensors="pt", **how)
    mask = ids["attention_mask"] if "clip" in folder.name else None
    return model(input_ids=ids["input_ids"], attention_mask=mask, **pixels, return_loss=True)


def seen(model, size):
    inputs = model.prepare(picture(*size), None)
    with capture_outputs(model.family) as found:
        model.encode(inputs)
    return inputs, found[0]


def test_the_matrix_and_the_loss_are_transformers(folder):
    model = both(folder)
    expected = theirs(folder)
    dual_encoder = model.dual_encoder
    images = torch.cat([dual_encoder.image_vector(seen(model, size)[1]) for size in PICTURES])
    found = cosines(images, dual_encoder.text_vectors(TEXTS).vectors) * dual_encoder.scale + dual_encoder.bias
    torch.testing.assert_close(found, expected.logits_per_image, atol=1e-4, rtol=1e-4)
    assert found.std() > 0.01  # or they would be equal whatever is done
    loss = pair_loss(found, dual_encoder.kind)
    assert loss.value == pytest.approx(float(expected.loss), rel=1e-4)
    assert dual_encoder.kind == ("softmax" if folder.name == "clip" else "sigmoid")


def test_texts_that_are_too_long_are_cut_as_transformers_cuts_them(folder):
    model = both(folder)
    long = "the sky is blue and the sea is green " * 20
    texts = model.dual_encoder.text_vectors((long, "coffee"))
    assert texts.lengths[0] > texts.limit == 64
    assert texts.lengths[1] < texts.limit
    expected = theirs(folder, (long, "coffee", "x")).text_embeds
    torch.testing.assert_close(cosines(texts.vectors, expected[:2]).diag(), torch.ones(2))


def test_a_text_has_the_same_vector_in_any_company(folder):
    dual_encoder = both(folder).dual_encoder
    alone = torch.cat([dual_encoder.text_vectors((text,)).vectors for text in TEXTS])
    many = dual_encoder.text_vectors((*TEXTS, *(f"a house {i}" for i in range(40)))).vectors
    torch.testing.assert_close(many[:3], alone, atol=1e-5, rtol=1e-4)
    assert dual_encoder.text_vectors((TEXTS[0],)) is dual_encoder.text_vectors((TEXTS[0],))


def test_patches_of_clip_are_as_if_each_attended_to_itself_alone(folders):
    """The value path by hand, with the weights in NumPy's way."""
    model = both(folders["clip"])
    whole = AutoModel.from_pretrained(folders["clip"]).eval()
    inputs, _ = seen(model, PICTURES[0])
    stage = model.dual_encoder.patch_stage
    states = model.tower_states(inputs, lambda at, _: at == stage)[stage]
    with torch.no_grad():
        tower = whole.vision_model
        last = tower(inputs.pixels["pixel_values"], output_hidden_states=True).hidden_states[-2][0, 1:]
        block = tower.encoder.layers[-1]
        attention = block.self_attn
        values = block.layer_norm1(last) @ attention.v_proj.weight.T + attention.v_proj.bias
        out = values @ attention.out_proj.weight.T + attention.out_proj.bias
        expected = tower.post_layernorm(out) @ whole.visual_projection.weight.T
    torch.testing.assert_close(model.dual_encoder.patch_vectors(states), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ["siglip", "siglip2"])
def test_patches_of_siglip_go_alone_through_the_pooling_head(name, folders):
    model = both(folders[name])
    whole = AutoModel.from_pretrained(folders[name]).eval()
    inputs, final = seen(model, PICTURES[0])
    stage = model.dual_encoder.patch_stage
    states = model.tower_states(inputs, lambda at, _: at == stage)[stage]
    found = model.dual_encoder.patch_vectors(states)
    head = whole.vision_model.head
    with torch.no_grad():
        # one key has all of the attention: values and output projection, then the MLP
        weight, bias = head.attention.in_proj_weight.chunk(3)[2], head.attention.in_proj_bias.chunk(3)[2]
        normed = final.states[0, : len(states)]
        values = head.attention.out_proj(normed @ weight.T + bias)
        expected = values + head.mlp(head.layernorm(values))
        # a picture of one patch is pooled exactly so
        torch.testing.assert_close(whole.vision_model.head(final.states[:, :1])[0], expected[0], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_who_cannot_match_says_so(clip_folder, tmp_path):
    with pytest.raises(UsageError, match=r"lacks the text tower.*clip-vit-l-336"):
        _ = held(clip_folder).dual_encoder
    with pytest.raises(UsageError, match="has no text tower: choose a CLIP"):
        _ = held(build("dinov2", tmp_path / "dinov2")).dual_encoder
    with pytest.raises(UsageError, match="a classification head and no text tower"):
        _ = held(classifying("siglip", tmp_path / "siglip")).dual_encoder


def test_siglips_own_tokenizer(folders, tmp_path):
    """SentencePiece, punctuation and capitals taken away, as the first SigLIP's checkpoints have it."""
    folder = tmp_path / "siglip"
    shutil.copytree(folders["siglip"], folder, ignore=shutil.ignore_patterns("tokenizer*", "special*"))
    sentences = "a blue sky\na cat and a dog\ncoffee in a small house\n" * 20
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences.splitlines()),
        model_prefix=str(tmp_path / "spiece"),
        vocab_size=40,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    SiglipTokenizer(str(tmp_path / "spiece.model"), model_input_names=["input_ids"]).save_pretrained(folder)
    texts = ("A blue SKY!", "a cat and a dog " * 30)
    dual_encoder = both(folder).dual_encoder
    found = dual_encoder.text_vectors(texts)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert isinstance(tokenizer, SiglipTokenizer)
    ids = tokenizer(list(texts), padding="max_length", max_length=64, truncation=True, return_tensors="pt")
    assert list(ids) == ["input_ids"]
    with torch.no_grad():
        expected = AutoModel.from_pretrained(folder).eval().get_text_features(**ids).pooler_output
    torch.testing.assert_close(found.vectors, expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(dual_encoder.text_vectors(("a blue sky",)).vectors, expected[:1], atol=1e-5, rtol=1e-4)
    assert found.lengths[1] > found.limit == 64


def test_what_is_looked_at_is_the_vision_tower_alone(folder):
    alone, whole = held(folder), both(folder)
    vision = {k.removeprefix("vision_model."): v for k, v in whole._model.state_dict().items() if "vision_model." in k}
    found = alone._model.state_dict()
    assert found.keys() == vision.keys()
    assert all(torch.equal(value, vision[key]) for key, value in found.items())
    assert torch.equal(seen(alone, PICTURES[0])[1].pooled, seen(whole, PICTURES[0])[1].pooled)
    with pytest.raises(ModelError, match="text tower of tiny is not loaded"):
        _ = alone.dual_encoder


def test_an_empty_text_is_refused(folders):
    with pytest.raises(UsageError, match="a text is empty"):
        both(folders["clip"]).dual_encoder.text_vectors(("sky", "  "))
