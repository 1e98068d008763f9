"""Every family with a language model: its answer, and what it looked at, against transformers' own `generate`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from tests.families import DISTINCT, FAMILIES
from tests.families.pictures import picture
from tests.families.reference import WholeModel
from vlmtui.catalogue import ModelSource
from vlmtui.errors import UsageError
from vlmtui.lenses.rollout.kernel import AttentionRollout
from vlmtui.models.decoder.generation import GeneratedToken, GenerationOptions, Generator
from vlmtui.models.decoder.teacher_forcing import TeacherForcing, TokenReplacement
from vlmtui.models.loading.loader import load_model
from vlmtui.models.loading.model_folder import find_checkpoint
from vlmtui.models.vlm import VisionLanguageModel

NAMES = [
    name
    for name, family in DISTINCT.items()
    if family.has_tokens and not family.encoder_decoder and name != "kosmos2"  # whose answers are refused
]
WORDS = 6
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


class Both:
    """One picture and prompt through vlmtui's model and through transformers' own, in eager mode."""

    def __init__(self, name: str, folder) -> None:
        family = FAMILIES[name]
        self.name = name
        self.whole = WholeModel(folder, family)
        self.whole.model.set_attn_implementation("eager")
        checkpoint = find_checkpoint(ModelSource("tiny", folder, None), None, lambda *_: None)
        loaded = load_model(checkpoint, lambda *_: None, device="cpu", decoder_layers=None)
        self.speaking = Generator(loaded)
        self.decoder = self.speaking._decoder
        model = VisionLanguageModel(loaded)
        size = family.shapes["wide"]
        inputs = model.prepare(picture(*size), None)
        self.inputs = model.prompted(inputs, len(model.encode(inputs).tokens), None)
        self.image = Image.fromarray(picture(*size).rgb)
        self.prompt = self.inputs.input_ids.shape[1]
        self.said = self.speaking.generate(self.inputs, options=GenerationOptions(max_new_tokens=WORDS)).tokens
        self.forced = self.speaking.teacher_force(self.inputs, self.ids)
        self.theirs = self.generate(output_logits=True, output_attentions=True)

    @property
    def ids(self) -> list[int]:
        return [token.id for token in self.said]

    def arguments(self) -> dict[str, Any]:
        """What a user of transformers hands over: what the family's own processor makes, its prompt included."""
        made, _ = self.whole._inputs(self.image)
        made.pop("labels", None)
        if self.whole.processor is None:  # where that needs torchvision the prompt is ours
            ids = self.inputs.input_ids
            made |= {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        made |= {"mm_token_type_ids": (made["input_ids"] == self.whole.config.image_token_id).long()}
        accepted = inspect.signature(self.whole.model.forward).parameters
        return {key: value for key, value in made.items() if key in accepted}

    def generate(self, **options: Any) -> Any:
        return self.whole.model.generate(
            **self.arguments(),
            do_sample=False,
            num_beams=1,
            max_new_tokens=WORDS,
            return_dict_in_generate=True,
            **options,
        )


def log_probs(theirs: Any, ids: list[int]) -> Tensor:
    rows = torch.stack([logits[0] for logits in theirs.logits]).log_softmax(-1)
    return rows.gather(1, torch.tensor(ids)[:, None])[:, 0]


def close(mine: Tensor, theirs: Tensor, tolerance: float = 1e-4) -> None:
    torch.testing.assert_close(mine, theirs, rtol=tolerance, atol=tolerance)


@pytest.fixture(scope="module", params=NAMES)
def both(request, folders) -> Both:
    return Both(request.param, folders(request.param, False))


def test_the_answer_is_the_librarys_own(both):
    assert both.ids == both.theirs.sequences[0, -len(both.ids) :].tolist()
    assert len(both.ids) == len(both.theirs.logits)
    close(torch.tensor([token.log_prob for token in both.said]), log_probs(both.theirs, both.ids))


def test_one_pass_over_prompt_and_answer_says_the_same_as_token_by_token(both):
    close(both.forced.log_probs(), log_probs(both.theirs, both.ids))
    # an answer it would not give has no better odds
    other = both.speaking.teacher_force(both.inputs, [(i + 1) % 400 for i in both.ids]).log_probs()
    assert other[0] < both.forced.log_probs()[0]


def test_attention_is_that_of_eager_mode(both):
    """Row by row as `generate` gave it: the row of the position that decided on each token."""
    found: list[Tensor] = []
    both.forced.attention(lambda layer, weights: found.append(weights))
    assert len(found) == len(both.theirs.attentions[0]) == len(both.forced.attention_layers)
    for layer, mine in enumerate(found):
        assert mine.shape[1:] == (len(both.ids), both.forced.positions)
        for i, step in enumerate(both.theirs.attentions):
            row = step[layer][0, :, -1]
            close(mine[:, i, : row.shape[-1]], row)
            assert not mine[:, i, row.shape[-1] :].any()


def test_attention_in_blocks_of_rows_is_the_same(both, monkeypatch):
    whole, blocks = [], []
    both.forced.mean_attention(lambda layer, mean: whole.append(mean.clone()))
    rows = []
    both.forced.attention(lambda layer, weights: rows.append(weights))
    for mean, weights in zip(whole, rows, strict=True):
        close(mean[both.forced.answer_positions], weights.mean(0))
    monkeypatch.setattr("vlmtui.models.decoder.attention_capture._BLOCK_BYTES", 7 * 12 * 4 * both.forced.positions)
    both.forced.mean_attention(lambda layer, mean: blocks.append(mean.clone()))
    for one, other in zip(whole, blocks, strict=True):
        close(one, other)


def test_what_may_be_looked_at_is_what_is_looked_at(both):
    n = both.forced.positions
    allowed = both.forced.mask(both.forced.attention_layers[0])
    seen: list[Tensor] = []
    both.forced.mean_attention(lambda layer, mean: seen.append(mean.clone()))
    assert torch.equal(seen[0] > 0, allowed)
    causal = torch.ones(n, n, dtype=torch.bool).tril()
    if both.name.startswith("paligemma"):  # the whole prompt both ways, the answer after it
        causal[:, : both.prompt] = True
    if both.name == "gemma3":  # the picture both ways
        causal[both.forced.places[:, None], both.forced.places] = True
    assert torch.equal(allowed, causal)


def test_nothing_is_left_behind(both):
    before = both.decoder.config._attn_implementation
    registered = set(ALL_ATTENTION_FUNCTIONS.valid_keys())

    class EnoughError(Exception):
        pass

    def stop(*_: object) -> None:
        raise EnoughError

    def hooks() -> int:
        return sum(len(p._forward_pre_hooks) + len(p._forward_hooks) for p in both.speaking._model.modules())

    there = hooks()
    change = TokenReplacement(torch.tensor([0]), "mean")
    for run in (
        lambda: both.forced.attention(stop),
        lambda: both.forced.mean_attention(stop),
        lambda: both.speaking.generate(both.inputs, stop, change=change),
        lambda: both.speaking.generate(both.inputs, on_layer=stop),
    ):
        with pytest.raises(EnoughError):
            run()
    assert hooks() == there
    assert both.decoder.config._attn_implementation == before
    assert set(ALL_ATTENTION_FUNCTIONS.valid_keys()) == registered
    again = both.speaking.generate(both.inputs, options=GenerationOptions(max_new_tokens=2)).tokens
    assert [token.id for token in again] == [token.id for token in both.said[:2]]
    assert [token.log_prob for token in again] == pytest.approx([token.log_prob for token in both.said[:2]], rel=1e-5)


# -- what the answer depends on


@contextmanager
def by_hand(both: Both, change: Callable[[Tensor], Tensor], once: bool = False) -> Iterator[None]:
    """Transformers' model with its image tokens [tokens, hidden] changed, where the family makes them.

    With `once` only there, and not also where they are added in later layers.
    """

    def changed(made: Any) -> Any:
        if isinstance(made, Tensor):
            return change(made.flatten(0, -2)).view(made.shape)
        parts = list(made)
        return list(change(torch.cat(parts)).split([len(part) for part in parts]))

    model = both.whole.model
    if "blip" in both.name:  # its `generate` goes a way of its own
        hook = model.language_projection.register_forward_hook(lambda _, __, output: changed(output))
        try:
            yield
        finally:
            hook.remove()
        return
    base = getattr(model, "model", model)
    own = base.get_image_features

    @functools.wraps(own)  # its signature tells `generate` what is the tower's
    def get_image_features(*args: Any, **options: Any) -> Any:
        made = own(*args, **options)
        tokens = "last_hidden_state" if made.pooler_output is None else "pooler_output"  # Fuyu has no tower
        setattr(made, tokens, changed(getattr(made, tokens)))
        if getattr(made, "deepstack_features", None) is not None and not once:
            made.deepstack_features = [changed(part) for part in made.deepstack_features]
        return made

    base.get_image_features = get_image_features
    try:
        yield
    finally:
        del base.get_image_features


@pytest.mark.parametrize("stand", ["mean", "zero"])
def test_replaced_tokens_are_those_replaced_by_hand(both, stand):
    marked = torch.tensor([1, 3])

    def replace(tokens: Tensor) -> Tensor:
        assert len(tokens) == len(both.forced.places)
        made = tokens.clone()
        made[marked] = tokens.mean(0) if stand == "mean" else 0.0
        return made

    with by_hand(both, replace):
        theirs = both.generate(output_logits=True)
    change = TokenReplacement(marked, stand)
    mine = both.speaking.generate(both.inputs, options=GenerationOptions(max_new_tokens=WORDS), change=change).tokens
    ids = [token.id for token in mine]
    assert ids == theirs.sequences[0, -len(ids) :].tolist()
    close(torch.tensor([token.log_prob for token in mine]), log_probs(theirs, ids))
    close(both.speaking.teacher_force(both.inputs, ids).log_probs(change), log_probs(theirs, ids))
    assert not torch.allclose(both.forced.log_probs(change), both.forced.log_probs(), atol=1e-4)


@pytest.mark.parametrize("stand", ["mean", "zero"])
def test_several_changes_in_one_pass_are_those_one_by_one(both, stand):
    changes = [TokenReplacement(torch.tensor(group), stand) for group in ([0, 1], [2], [1, 3])]
    alone = [both.forced.log_probs(change) for change in changes]
    passes = []
    hook = both.decoder.register_forward_pre_hook(
        lambda _, args, options: passes.append(len(options["inputs_embeds"])), with_kwargs=True
    )
    try:
        found = list(both.forced.log_probs_of(changes))
        # these hand their decoder `num_patches`, `num_soft_tokens_per_image` or `num_crops`, not known to widen
        first = [1, 1, 1] if both.name in ("internvl", "gemma4", "aria") else [3]
        assert passes == first
        found_alone = list(both.forced.log_probs_of(changes, budget=1))
        assert passes == [*first, 1, 1, 1]
    finally:
        hook.remove()
    for mine, small, theirs in zip(found, found_alone, alone, strict=True):
        close(mine, theirs, 1e-5)
        close(small, theirs, 1e-6)


def test_the_gradient_is_what_a_little_more_of_a_token_does(both):
    """gradient × input, summed over the width, is how a number changes where a token grows: by differences."""
    grown, step = 2, 1e-2
    found = []
    for factor in (1 + step, 1 - step):

        def grow(tokens: Tensor, factor: float = factor) -> Tensor:
            made = tokens.clone()
            made[grown] *= factor
            return made

        with by_hand(both, grow, once=True):
            found.append(both.generate(output_logits=True).logits[0][0].double())
    size = float(found[0].abs().max())
    high, low = (logits.log_softmax(-1)[both.ids[0]] for logits in found)
    first = both.forced.gradient(0).double()
    assert first.shape == both.forced.places.shape
    torch.testing.assert_close(first[grown], (high - low) / (2 * step), rtol=0.03, atol=3e-4 * size)
    every = sum(both.forced.gradient(i).double() for i in range(len(both.ids)))
    torch.testing.assert_close(both.forced.gradient(None).double(), every, rtol=1e-3, atol=1e-5 * size)


# -- in one family


@pytest.fixture(scope="module")
def llava(folders) -> Both:
    return Both("llava", folders("llava", False))


def test_rollout_is_that_of_all_layers_at_once(llava):
    forced: TeacherForcing = llava.forced
    rolled = AttentionRollout()
    forced.mean_attention(lambda layer, mean: rolled.add(mean))
    model = llava.whole.model
    ids = torch.cat([llava.inputs.input_ids, torch.tensor([llava.ids[:-1]])], dim=1)
    with torch.no_grad():
        said = model(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            pixel_values=llava.arguments()["pixel_values"],
            output_attentions=True,
        )
    flow = torch.eye(ids.shape[1])
    for attention in said.attentions:
        mixed = attention[0].mean(0) + torch.eye(ids.shape[1])
        flow = (mixed / mixed.sum(-1, keepdim=True)) @ flow
    close(rolled.rows(forced.answer_positions), flow[llava.prompt - 1 :])


def test_tokens_come_one_by_one_and_may_end_the_answer(llava):
    heard: list[GeneratedToken] = []

    def hear(said: GeneratedToken) -> None:
        heard.append(said)
        if len(heard) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        llava.speaking.generate(llava.inputs, hear, GenerationOptions(max_new_tokens=WORDS))
    assert heard == llava.said[:3]


def test_layers_are_told_of_while_they_read_the_prompt(llava):
    told: list[tuple[int, int]] = []
    llava.speaking.generate(llava.inputs, options=GenerationOptions(3), on_layer=lambda *at: told.append(at))
    assert told == [(1, 2), (2, 2)]


def test_an_answer_ends_with_its_end_of_sequence_token(llava):
    own = llava.speaking._model.generation_config
    before, own.eos_token_id = own.eos_token_id, llava.ids[2]
    try:
        for most, said, finished in ((WORDS, 3, True), (3, 3, True), (2, 2, True), (1, 1, False)):
            spoken = llava.speaking.generate(llava.inputs, options=GenerationOptions(max_new_tokens=most))
            assert (spoken.tokens, spoken.finished) == (llava.said[:said], finished)
    finally:
        own.eos_token_id = before


def test_sampling_is_the_same_for_the_same_seed_and_only_when_asked(llava):
    def sampled(seed: int) -> list[GeneratedToken]:
        return llava.speaking.generate(
            llava.inputs, options=GenerationOptions(WORDS, temperature=5.0, seed=seed)
        ).tokens

    state = torch.get_rng_state()
    first = sampled(1)
    assert torch.equal(torch.get_rng_state(), state)
    assert sampled(1) == first != sampled(2)
    # log-probabilities are the model's, not those at that temperature
    forced = llava.speaking.teacher_force(llava.inputs, [token.id for token in first])
    close(forced.log_probs(), torch.tensor([token.log_prob for token in first]))


@pytest.mark.parametrize(
    "saying",
    [GenerationOptions(0), GenerationOptions(4, temperature=0.0), GenerationOptions(4, temperature=float("inf"))],
)
def test_numbers_that_make_no_answer_are_refused(llava, saying):
    with pytest.raises(UsageError, match="choose"):
        llava.speaking.generate(llava.inputs, options=saying)


def test_an_empty_answer_cannot_be_looked_at(llava):
    with pytest.raises(UsageError, match="empty"):
        llava.speaking.teacher_force(llava.inputs, [])


def test_an_answer_with_the_token_of_a_picture_in_it_cannot_be_looked_at(llava):
    image = int(llava.whole.config.image_token_id)
    with pytest.raises(UsageError, match="contains its own image token"):
        llava.speaking.teacher_force(llava.inputs, [5, image, 7])
    # at its end nothing reads it
    assert torch.isfinite(llava.speaking.teacher_force(llava.inputs, [5, image]).log_probs()).all()


def test_a_gradient_that_would_not_fit_is_refused_with_numbers(llava, monkeypatch):
    from vlmtui.errors import OutOfMemoryError

    monkeypatch.setattr("vlmtui.models.decoder.teacher_forcing.available_memory", lambda: 1000)
    with pytest.raises(OutOfMemoryError, match="it needs about"):
        llava.forced.gradient(0)


def test_in_bfloat16_one_pass_says_what_was_said_within_its_rounding(folders):
    checkpoint = find_checkpoint(ModelSource("tiny", folders("paligemma2", False), None), None, lambda *_: None)
    loaded = load_model(checkpoint, lambda *_: None, device="cpu", dtype="bfloat16", decoder_layers=None)
    model = VisionLanguageModel(loaded)
    inputs = model.prepare(picture(*FAMILIES["paligemma2"].shapes["wide"]), None)
    said = model.generator.generate(inputs, options=GenerationOptions(WORDS)).tokens
    forced = model.generator.teacher_force(inputs, [token.id for token in said])
    log_probs = forced.log_probs()
    assert log_probs.dtype == torch.float32
    close(log_probs, torch.tensor([token.log_prob for token in said]), 0.1)
    assert forced.mask(1)[:, 0].all()
    rows: list[Tensor] = []
    forced.attention(lambda layer, weights: rows.append(weights))
    close(rows[0].float().sum(-1), torch.ones(rows[0].shape[:2]), 0.02)
    assert forced.gradient(0).isfinite().all()
