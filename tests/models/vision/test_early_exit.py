"""The tower's states, and the projector applied to each of them, against transformers' own states and modules."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.families import DISTINCT, FAMILIES
from tests.families.pictures import picture
from tests.models.families.test_families import CASES
from tests.models.test_vlm import held as hold
from tests.tiny_checkpoints import build_llava
from vlmtui.errors import UsageError
from vlmtui.models.families import registry
from vlmtui.reading import vision_layer

# VipLLaVA's projector reads several stages at once, so none can be replaced
WITH_TOKENS = [
    (name, shape) for name, shape in CASES if FAMILIES[name].has_tokens and name in DISTINCT and name != "vipllava"
]
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def everything(stage: int, states: Tensor) -> bool:
    return True


def prepared(model, name: str, shape: str = "wide"):
    return model.prepare(picture(*FAMILIES[name].shapes[shape]), None)


def close(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5 * float(theirs.abs().max()))


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_states_are_the_librarys_in_the_order_of_the_patches(name, shape, held, truth):
    model, true = held(name), truth(name, shape)
    inputs = prepared(model, name, shape)
    found = model.tower_states(inputs, everything)
    assert sorted(found) == list(range(model.info.vision_layers + 1))
    theirs = torch.cat([tile.patches for tile in true.tiles], dim=1)
    for stage, states in found.items():
        expected = theirs[stage]
        if name == "fuyu":  # its stages differ in width, where the reference has zeros
            expected = expected[:, : states.shape[-1]]
        assert states.shape == expected.shape
        close(states, expected)
    # in the order of the layout, whose norms are another way to them
    norms = torch.cat([tile.patches for tile in model.encode(inputs).norms], dim=1)
    for stage, states in found.items():
        torch.testing.assert_close(states.norm(dim=-1), norms[stage], rtol=1e-5, atol=0)


def test_only_the_states_asked_for_are_kept(held):
    model = held("llava")
    asked = []

    def wanted(stage: int, states: Tensor) -> bool:
        asked.append((stage, tuple(states.shape)))
        return stage in (0, 3)

    assert sorted(model.tower_states(prepared(model, "llava"), wanted)) == [0, 3]
    assert asked == [(stage, (1, 26, 32)) for stage in range(5)]  # as the tower keeps them, the class token too


@pytest.mark.parametrize(("name", "shape"), WITH_TOKENS)
def test_the_stage_that_feeds_the_projector_makes_the_models_own_tokens(name, shape, held):
    model = held(name)
    inputs = prepared(model, name, shape)
    feeds, last = vision_layer(model.info.feeds), model.info.vision_layers
    tokens = model.encode(inputs).tokens
    assert torch.equal(model.early_exit(inputs, feeds), tokens)
    if shape != "wide":
        return
    if name == "fuyu":  # a patch's values are no vector that it could read
        with pytest.raises(UsageError, match="192 wide, those that the projector reads 48: choose another stage"):
            model.early_exit(inputs, 0)
        return
    others = [model.early_exit(inputs, stage) for stage in {0, feeds - 1, last} - {feeds}]
    for other in others:
        assert other.shape == tokens.shape
        assert bool(other.isfinite().all())
        assert not torch.allclose(other, tokens, rtol=1e-2)
    # no hook is left behind
    assert torch.equal(model.encode(inputs).tokens, tokens)


def by_hand(whole, states: Tensor) -> Tensor:
    """The projector of a family applied to one of the tower's raw states, module by module."""
    model = whole.model
    match whole.family.name:
        case "llava":
            return model.model.multi_modal_projector(states[:, 1:])
        case "llava_siglip":
            return model.model.multi_modal_projector(states)
        case "paligemma" | "gemma3":
            normed = model.model.vision_tower.post_layernorm(states)
            return model.model.multi_modal_projector(normed)
        case "idefics3":
            return model.model.connector(model.model.vision_model.post_layernorm(states))
        case "qwen2_vl":
            return model.model.visual.merger(states)
        case "blip2":
            normed = model.vision_model.post_layernorm(states)
            queries = model.qformer(query_embeds=model.query_tokens, encoder_hidden_states=normed)
            return model.language_projection(queries[0])
    raise AssertionError(whole.family.name)


@pytest.mark.parametrize("name", ["llava", "llava_siglip", "paligemma", "gemma3", "idefics3", "qwen2_vl", "blip2"])
@torch.no_grad()
def test_every_stage_goes_through_the_projector_as_by_hand(name, held, whole, truth):
    model, theirs, true = held(name), whole(name), truth(name, "wide")
    inputs = prepared(model, name)
    states = theirs._states(true.inputs)
    assert len(states) == model.info.vision_layers + 1
    for stage, raw in enumerate(states):
        made = by_hand(theirs, raw)
        close(model.early_exit(inputs, stage), made.reshape(-1, made.shape[-1]))


@pytest.mark.parametrize("name", [name for name, family in DISTINCT.items() if not family.has_tokens])
def test_models_without_words_have_no_early_exit(name, held):
    model = held(name)
    with pytest.raises(UsageError, match=r"has no words: (it is a vision-only model|its language model reads)"):
        model.early_exit(prepared(model, name), 2)


def test_a_projector_that_reads_several_stages_has_no_early_exit(tmp_path):
    model = hold(build_llava(tmp_path / "llava", "clip", feature_layer=[-2, 1]))
    assert model.info.feeds is None
    inputs = model.prepare(picture(90, 80), None)
    assert len(model.encode(inputs).tokens) == 25
    with pytest.raises(UsageError, match="reads several vision stages at once"):
        model.early_exit(inputs, 2)


def test_what_enters_the_first_block_may_feed_the_projector(tmp_path):
    model = hold(build_llava(tmp_path / "llava", "clip", feature_layer=-5))
    inputs = model.prepare(picture(90, 80), None)
    assert torch.equal(model.early_exit(inputs, 0), model.encode(inputs).tokens)
    later = model.tower_states(inputs, everything)[2]
    with torch.no_grad():
        close(model.early_exit(inputs, 2), model._model.model.multi_modal_projector(later))


def test_of_an_unknown_family_the_stage_is_proved(held, folders, monkeypatch):
    known = held("paligemma")
    inputs = prepared(known, "paligemma")
    exits = known.early_exit(inputs, 1)
    monkeypatch.setattr(registry, "FAMILIES", {})
    assert torch.equal(hold(folders("paligemma", False)).early_exit(inputs, 1), exits)
    # nothing in its settings says that the projector of a LLaVA-NeXT reads another stage than the last one
    other = hold(folders("llava_next", False))
    monkeypatch.setattr(other.family, "feeds", lambda: "vision.4")
    with pytest.raises(UsageError, match="could not be verified"):
        other.early_exit(prepared(held("llava_next"), "llava_next"), 1)
