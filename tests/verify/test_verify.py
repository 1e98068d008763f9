"""`verify`, below the pipe: every family passes, and what is wrong is seen to be wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.docs.blocks import DOCS, block
from tests.families import DISTINCT, LACKING, build
from tests.families.towers import classifying
from tests.models.test_vlm import held
from tests.verify.expected import applicable, unchecked
from tests.verify.table import check_row
from vlmtui.errors import ModelError
from vlmtui.geometry import Place
from vlmtui.memory import memory_needed
from vlmtui.models.decoder.unembedding import Unembedding
from vlmtui.models.geometry.layout import Layout
from vlmtui.models.loading.loader import parameter_count
from vlmtui.models.vision.classifier import Classifier
from vlmtui.models.vision.dual_encoder import DualEncoder
from vlmtui.models.vlm import EncodedImage, TileNorms, VisionLanguageModel
from vlmtui.session import protocol as m
from vlmtui.session.engine import Engine
from vlmtui.session.request_control import RequestControl
from vlmtui.verify import box_trials, vector_comparison
from vlmtui.verify.check_table import (
    CHECKS,
    CLASS_LOGITS,
    EVIDENCE,
    LOGITS,
    MATCHING,
    NORMS,
    OWN_VECTORS,
    PATCH_BOXES,
    POSITIONS,
    TEXT_TOWER,
    TOKEN_BOXES,
    TOKENS,
    WEIGHTS,
    WORDS,
    CheckTable,
)
from vlmtui.verify.partial_model_checks import noise_images

# transformers' PaliGemma processor, under NumPy 2
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
Folder = Callable[[str], Path]
PT = {"format": "pt"}


@pytest.fixture(autouse=True)
def one_thread():
    """Tiny models are fastest on one thread, most of all where the machine is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """The tiny checkpoint of a family, built when it is first asked for."""
    home = tmp_path_factory.mktemp("families")

    def of(name: str) -> Path:
        return home / name if (home / name).exists() else build(name, home / name)

    return of


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


def verified(engine: Engine, folder: Path, **options) -> dict[str, m.Check]:
    found = engine.answer(m.Verify(str(folder), device="cpu", **options), RequestControl())
    names = [check.name for check in found.checks]
    assert names == [name for name in CHECKS if name in names]
    assert all(check.figure and "\n" not in check.figure for check in found.checks)
    return {check.name: check for check in found.checks}


@pytest.mark.parametrize(
    "name", [*DISTINCT, *(pytest.param(name, marks=pytest.mark.skip(reason=why)) for name, why in LACKING.items())]
)
def test_every_family_passes(name, folder, engine):
    checks = verified(engine, folder(name))
    assert check_row(name, folder(name), checks.values()) in block(DOCS / "models.md", "verified").splitlines()
    assert set(checks) == applicable(name)
    assert {check.name for check in checks.values() if check.result == "unchecked"} == unchecked(name)
    assert not [check for check in checks.values() if check.result == "fail"]
    if TOKENS in checks:
        assert "bit for bit the same" in checks[TOKENS].figure
    if PATCH_BOXES not in unchecked(name):
        assert checks[PATCH_BOXES].figure.endswith("0 missed, 0 extra")
    if OWN_VECTORS in checks:  # all of the sample, wherever there are words
        assert checks[OWN_VECTORS].figure == "64 of 64 found as top-1 under l2, 64 of 64 found as top-1 under cosine"


def test_sixteen_bits_pass_too(folder, engine):
    for name in ("llava_onevision", "paligemma2"):
        checks = verified(engine, folder(name), dtype="bfloat16")
        assert {check.result for check in checks.values()} == {"pass"}


@pytest.mark.parametrize("name", ["siglip", "dinov2"])
def test_the_evidence_of_patches_adds_up(name, tmp_path, engine, monkeypatch):
    folder = classifying(name, tmp_path / name)
    checks = verified(engine, folder)
    assert set(checks) == {PATCH_BOXES, NORMS, CLASS_LOGITS, EVIDENCE}
    assert {check.result for check in checks.values()} == {"pass"}
    right = Classifier.evidence
    monkeypatch.setattr(Classifier, "evidence", lambda *given: right(*given) * 1.01)
    failed = {check.name for check in verified(engine, folder).values() if check.result == "fail"}
    assert failed == {EVIDENCE}


# -- what is wrong is seen


@pytest.mark.parametrize("name", ["clip", "siglip"])
def test_another_text(name, folder, engine, monkeypatch):
    right = DualEncoder._encode_texts
    monkeypatch.setattr(
        DualEncoder, "_encode_texts", lambda own, texts, limit: right(own, ["a cat"] * len(texts), limit)
    )
    checks = verified(engine, folder(name))
    assert {check.name for check in checks.values() if check.result == "fail"} == {TEXT_TOWER, MATCHING}


def test_logits_of_other_classes(folder, engine, monkeypatch):
    right = Classifier.logits
    monkeypatch.setattr(Classifier, "logits", lambda *given: right(*given).roll(1))
    checks = verified(engine, folder("vit"))
    assert {check.name for check in checks.values() if check.result == "fail"} == {CLASS_LOGITS}


def test_a_processor_of_another_size(folder, engine):
    checks = verified(engine, folder("llava"), processor=str(folder("llava_siglip")))
    assert checks[TOKENS].result == "fail"
    assert "rejects its processor's output" in checks[TOKENS].figure
    assert checks[WEIGHTS].result == "pass"
    assert checks[WORDS].figure == "no image could be read"


def test_no_class_and_no_head_is_no_check(tmp_path, engine):
    folder = classifying("dinov2", tmp_path / "model")
    config = json.loads((folder / "config.json").read_text()) | {"id2label": {}, "label2id": {}, "num_labels": 0}
    (folder / "config.json").write_text(json.dumps(config))
    weights = load_file(folder / "model.safetensors")
    save_file({k: v for k, v in weights.items() if "classifier" not in k}, folder / "model.safetensors", PT)
    assert set(verified(engine, folder)) == {PATCH_BOXES, NORMS}


def test_a_scale_that_is_no_number(folder, tmp_path, engine):
    broken = Path(shutil.copytree(folder("siglip"), tmp_path / "model"))
    weights = load_file(broken / "model.safetensors")
    weights["logit_scale"] = torch.full_like(weights["logit_scale"], torch.nan)
    save_file(weights, broken / "model.safetensors", PT)
    checks = verified(engine, broken)
    assert {check.name for check in checks.values() if check.result == "fail"} == {MATCHING}


@pytest.mark.parametrize("name", ["vit", "mllama"])
@pytest.mark.parametrize("passes", [0, 1])
def test_an_image_that_cannot_be_encoded(name, passes, folder, engine, monkeypatch):
    right, calls = VisionLanguageModel.encode, []

    def encode(*given):
        calls.append(given)
        if len(calls) > passes:
            raise ModelError("its processor belongs to another model")
        return right(*given)

    monkeypatch.setattr(VisionLanguageModel, "encode", encode)
    checks = verified(engine, folder(name))
    assert checks[PATCH_BOXES] == m.Check(PATCH_BOXES, "fail", "its processor belongs to another model")


@pytest.mark.parametrize("name", ["glm4v", "gemma4", "ovis2"])
def test_the_last_stage_is_compared(name, folder):
    model = held(folder(name))
    inputs = model.prepare(noise_images()["small"], None)
    encoded = model.encode(inputs)
    library = vector_comparison.library_norms(model, inputs)
    assert vector_comparison.largest_norm_difference(encoded, library) < 1e-4
    for tile in encoded.norms:
        tile.patches[-1] *= 3
    assert vector_comparison.largest_norm_difference(encoded, library) > 1


def test_tokens_in_another_order(folder, engine, monkeypatch):
    right = VisionLanguageModel._received

    def flipped(*given):
        return tuple(tokens.flip(0) for tokens in right(*given))

    monkeypatch.setattr(VisionLanguageModel, "_received", flipped)
    checks = verified(engine, folder("llava"))
    failed = {check.name for check in checks.values() if check.result == "fail"}
    assert failed == {TOKENS, TOKEN_BOXES, WORDS}


def test_rows_and_columns_confused(folder, engine, monkeypatch):
    right = VisionLanguageModel.position_ids
    monkeypatch.setattr(VisionLanguageModel, "position_ids", lambda *given: right(*given)[:, [0, 2, 1]])
    checks = verified(engine, folder("qwen2_vl"))
    assert {check.name for check in checks.values() if check.result == "fail"} == {POSITIONS}


def test_a_norm_applied_twice(folder, engine, monkeypatch):
    right = Unembedding.__call__
    monkeypatch.setattr(Unembedding, "__call__", lambda head, states: right(head, head._norm(states)))
    check = verified(engine, folder("llava"))[LOGITS]
    assert check.result == "fail"
    assert "largest difference" in check.figure


def test_words_under_other_ids(folder, engine, monkeypatch):
    right = VisionLanguageModel._embedding_matrix
    monkeypatch.setattr(VisionLanguageModel, "_embedding_matrix", lambda model: right(model).roll(1, dims=0))
    checks = verified(engine, folder("paligemma"))
    assert {check.name for check in checks.values() if check.result == "fail"} == {OWN_VECTORS, WORDS}
    assert checks[OWN_VECTORS].figure.startswith(
        "0 of 64 found as top-1 under l2, 0 of 64 found as top-1 under cosine; not id"
    )


def test_identical_rows_are_no_strangers(folder):
    model = held(folder("llava"))
    assert model.embeddings is not None
    model.embeddings[40], model.embeddings[50], model.embeddings[60] = (
        model.embeddings[10],
        0.0,
        2 * model.embeddings[11],
    )
    vocabulary = vector_comparison.EmbeddingMatrix.of(model.embeddings)
    ids = torch.tensor([10, 11, 40, 50, 60])
    assert vector_comparison.not_found_first(model, vocabulary, ids, "l2") == []
    assert vector_comparison.not_found_first(model, vocabulary, ids, "cosine") == []


def test_weights_that_differ():
    one = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    other = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2), torch.nn.Linear(2, 2))
    other.load_state_dict(one.state_dict(), strict=False)
    digests = vector_comparison.weight_digests(one)
    assert len(digests) == 7  # buffers too
    assert vector_comparison.differing_weights(digests, vector_comparison.weight_digests(other)) == []
    with torch.no_grad():
        other[0].weight[1, 2] = torch.nextafter(other[0].weight[1, 2], torch.tensor(torch.inf))
    other[1].running_mean[0] = 1e-30
    assert vector_comparison.differing_weights(digests, vector_comparison.weight_digests(other)) == [
        "0.weight",
        "1.running_mean",
    ]
    assert vector_comparison.differing_weights(digests, vector_comparison.weight_digests(one.double())) == sorted(
        set(digests) - {"1.num_batches_tracked"}
    )


# -- boxes


def shifted(places: tuple[Place, ...], layout: Layout) -> tuple[Place, ...]:
    """Every box half its width to the right."""

    def right(place: Place) -> Place:
        if place.box is None:
            return place
        x0, y0, x1, y1 = place.box
        return replace(place, box=(x0 + (x1 - x0) / 2, y0, x1 + (x1 - x0) / 2, y1))

    return tuple(map(right, places))


def transposed(places: tuple[Place, ...], layout: Layout) -> tuple[Place, ...]:
    """Rows taken for columns, where a grid has as many of both."""
    at = {(p.grid, p.row, p.col): p.box for p in places}
    return tuple(replace(p, box=at.get((p.grid, p.col, p.row), p.box)) if p.box else p for p in places)


def swapped(places: tuple[Place, ...], layout: Layout) -> tuple[Place, ...]:
    """The first two tiles in each other's place."""
    tiles = [grid.id for grid in layout.grids if grid.kind == "tile" and grid.patch_rows]
    other = {tiles[0]: tiles[1], tiles[1]: tiles[0]}
    at = {(p.grid, p.row, p.col): p.box for p in places}
    return tuple(replace(p, box=at.get((other[p.grid], p.row, p.col), p.box)) if p.grid in other else p for p in places)


@pytest.mark.parametrize(
    ("name", "shape", "spoil"),
    [
        ("llava", "wide", shifted),
        ("llava", "tall", transposed),
        ("llava_siglip", "small", shifted),
        ("qwen2_5_vl", "wide", shifted),
        ("idefics3", "wide", shifted),
        ("idefics3", "tall", swapped),
        ("idefics3", "small", transposed),
        ("llava_next", "wide", swapped),
        ("llava_onevision", "tall", shifted),
        ("dinov2", "tall", transposed),
    ],
)
def test_wrong_places_are_seen(name, shape, spoil, folder):
    loaded_from = folder(name)
    model = held(loaded_from)
    picture = noise_images()[shape]
    inputs = model.prepare(picture, None)
    layout = model.layout(picture, inputs, model.encode(inputs))
    found = box_trials.run_trials(model, picture, layout, lambda done, total: None)
    reach = box_trials.BoxReach(layout, model._processing.image_processor, exact=True)
    places = layout.places or layout.patch_places
    changed = [trial.tokens if layout.places else trial.patches for trial in found]
    squares = [trial.squares for trial in found]
    right = box_trials.count_changes(places, changed, squares, reach)
    assert (right.squares, right.missed, right.extra) == (24, 0, 0)
    assert right.hits >= 10
    wrong = box_trials.count_changes(spoil(places, layout), changed, squares, reach)
    assert wrong.missed + wrong.extra >= 2, wrong


def test_attention_left_on_is_extra(folder, monkeypatch):
    """Were the tower not silenced, every token would hang on every pixel."""
    from contextlib import nullcontext

    model = held(folder("llava"))
    picture = noise_images()["wide"]
    inputs = model.prepare(picture, None)
    layout = model.layout(picture, inputs, model.encode(inputs))
    monkeypatch.setattr(box_trials, "without_attention", lambda *_: nullcontext())
    found = box_trials.run_trials(model, picture, layout, lambda done, total: None)
    reach = box_trials.BoxReach(layout, model._processing.image_processor, exact=True)
    squares = [trial.squares for trial in found]
    tally = box_trials.count_changes(layout.places, [trial.tokens for trial in found], squares, reach)
    assert not tally.missed
    assert tally.extra > 50


# -- memory, and the table


def test_memory_that_the_whole_model_does_not_fit_in(folder, engine, monkeypatch):
    place = folder("llava")
    whole = torch_parameters(place)
    room = memory_needed(whole, 4, on_gpu=False) - 1
    monkeypatch.setattr("vlmtui.models.loading.device.available_memory", lambda: room)
    checks = verified(engine, place, dtype="float32")
    for name in (TOKENS, LOGITS, WEIGHTS, WORDS):
        assert checks[name].result == "unchecked"
        assert "there is not enough memory for the full model: the model needs about 0.3 GB" in checks[name].figure
    for name in (TOKEN_BOXES, PATCH_BOXES, NORMS, OWN_VECTORS):
        assert checks[name].result == "pass"
    # left to choose, both are held in what the larger one fits in
    assert {check.result for check in verified(engine, place).values()} == {"pass"}


def torch_parameters(place: Path) -> int:
    from vlmtui.models.loading.checkpoint import Checkpoint, read_config
    from vlmtui.models.loading.loader import empty_model

    return parameter_count(empty_model(Checkpoint("tiny", place, None, read_config(place, "tiny")), None))


def test_the_engine_holds_nothing_afterwards(folder, engine):
    engine.answer(m.Load(str(folder("llava")), device="cpu"), RequestControl())
    verified(engine, folder("vit"))
    assert engine.state.origin == ((), [])


def test_what_cannot_apply_is_left_out():
    table = CheckTable()
    table.not_applicable([LOGITS, NORMS])
    table.judged(NORMS, True, "found after all", 1)
    table.unchecked(CHECKS, "nobody looked")
    assert not table.open(LOGITS)
    assert {LOGITS, NORMS}.isdisjoint(check.name for check in table.complete())


def test_an_exception_is_a_line():
    table = CheckTable()
    with table.check(NORMS):
        raise KeyError("shape\nof something")
    with table.check(LOGITS, WORDS):
        raise MemoryError("no room")
    table.judged(NORMS, True, "said too late", 1)
    table.unchecked(CHECKS, "nobody looked")
    found = {check.name: check for check in table.complete()}
    assert found[NORMS] == m.Check(NORMS, "fail", "the check failed to run: KeyError: 'shape\\nof something'")
    assert found[WORDS].result == "unchecked"
    assert (found[LOGITS].result, found[TOKENS].figure) == ("unchecked", "nobody looked")


def test_pictures_are_the_same_every_time():
    again = noise_images()
    assert all(np.array_equal(picture.rgb, again[name].rgb) for name, picture in noise_images().items())


@pytest.mark.parametrize("name", CHECKS)
def test_where_nothing_was_compared_nothing_is_passed(name: str) -> None:
    table = CheckTable()
    table.judged(name, True, "0 norms compared: largest difference 0", 0)
    table.unchecked(CHECKS, "not asked for")
    (found,) = (check for check in table.complete() if check.name == name)
    assert (found.result, found.figure) == ("unchecked", "there was nothing to compare")


def test_norms_that_are_no_numbers_do_not_pass() -> None:
    ours, nothing = torch.ones(2, 3), torch.zeros(2, 0)

    def apart(found: torch.Tensor, expected: torch.Tensor) -> float:
        encoded = EncodedImage((TileNorms(found, nothing),), None)
        return vector_comparison.largest_norm_difference(encoded, [expected])

    assert apart(ours, ours) == apart(nothing, nothing) == 0
    assert apart(ours / 0, ours / 0) == 0
    assert apart(ours * torch.nan, ours) == apart(ours, ours * torch.nan) == torch.inf
