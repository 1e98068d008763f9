"""Chat templates as people publish them: no template stops what needs no prompt, and what was made of it is told."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import torch

from tests.families import build
from tests.families.base import chat_template
from tests.models.test_vlm import held, picture
from tests.tiny_checkpoints import CHAT_TEMPLATE
from vlmtui.errors import ImageError, ModelError, UsageError
from vlmtui.models.vlm import VisionLanguageModel

IMAGE = picture(50, 40)
TEXT_ONLY = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}{% endfor %}"
BROKEN = {
    TEXT_ONLY: "its chat template puts no image into the prompt",
    "{{ raise_exception('only text') }}": "its chat template fails: TemplateError: only text",
    "{% for m in %}": "its chat template fails: TemplateSyntaxError",
    "{{ messages[0]['content'] + 1 }}": "its chat template fails: TypeError",
    "{{ 'a' * 10**10 }}": "its chat template is damaged (it makes a prompt of more than 16 MB)",
}


@pytest.fixture(scope="module")
def qwen_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("qwen2_5_vl", tmp_path_factory.mktemp("qwen") / "model")


def prompted(model: VisionLanguageModel) -> tuple[torch.Tensor, list[int]]:
    """The image tokens, and the prompt's ids with one id in place of the image's."""
    inputs = model.prepare(IMAGE, None)
    tokens = model.encode(inputs).tokens
    ids = model.prompted(inputs, len(tokens), None).input_ids[0].tolist()
    image = int(model._config.image_token_id)
    assert ids.count(image) == len(tokens)
    return tokens, [one for at, one in enumerate(ids) if not at or one != image or ids[at - 1] != image]


@pytest.mark.parametrize("family", ["llava", "qwen"])
@pytest.mark.parametrize("template", BROKEN)
def test_no_template_stops_what_needs_none(
    template: str, family: str, clip_folder: Path, qwen_folder: Path, tmp_path: Path
) -> None:
    plain = clip_folder if family == "llava" else qwen_folder
    folder = Path(shutil.copytree(plain, tmp_path / "model"))
    (folder / "chat_template.jinja").write_text(template)
    model, good = held(folder), held(plain)
    tokens, ids = prompted(model)
    assert torch.equal(tokens, good.encode(good.prepare(IMAGE, None)).tokens)
    made = model.prepare(IMAGE, None).prompt
    assert made.template == "none"
    assert made.problem.startswith(BROKEN[template])
    # BOS, image, newline and sentence
    sentence = model.tokenizer("\nDescribe the image.", add_special_tokens=False)["input_ids"]
    assert ids == [model.tokenizer.bos_token_id, int(model._config.image_token_id), *sentence]


@pytest.mark.parametrize("form", ["string", "named", "without default", "beside a broken file"])
def test_the_template_of_the_tokenizer(form: str, clip_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(clip_folder, tmp_path / "model"))
    other = CHAT_TEMPLATE.replace("USER", "PERSON")
    (folder / "chat_template.jinja").unlink()
    if form == "beside a broken file":
        (folder / "chat_template.jinja").write_text(TEXT_ONLY)
    name = "default" if form == "named" else "chat"
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    named = [{"name": "tools", "template": TEXT_ONLY}, {"name": name, "template": other}]
    settings["chat_template"] = named if form in ("named", "without default") else other
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    model = held(folder)
    made = model.prepare(IMAGE, "What is it?").prompt
    assert (made.template, made.problem) == ("tokenizer", "")
    assert made.text == "PERSON: <image>\nWhat is it? ASSISTANT:"
    _, ids = prompted(model)
    assert model.tokenizer.decode(ids).startswith("PERSON: <image>")


@pytest.mark.parametrize("file", ["chat_template.jinja", "chat_template.json", "tokenizer_config.json"])
def test_a_template_that_cannot_be_read(file: str, clip_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(clip_folder, tmp_path / "model"))
    (folder / "chat_template.jinja").unlink()
    if file == "tokenizer_config.json":
        settings = json.loads((folder / file).read_text())
        (folder / file).write_text(json.dumps(settings | {"chat_template": [3, {"name": "x"}]}))
    else:
        (folder / file).write_bytes(b"\xff\xfe{")
    tokens, _ = prompted(held(folder))
    good = held(clip_folder)
    assert torch.equal(tokens, good.encode(good.prepare(IMAGE, None)).tokens)


def test_the_template_in_a_file_of_old(qwen_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(qwen_folder, tmp_path / "model"))
    template = (folder / "chat_template.jinja").read_text()
    (folder / "chat_template.jinja").unlink()
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": template}))
    inputs, as_ever = held(folder).prepare(IMAGE, None), held(qwen_folder).prepare(IMAGE, None)
    assert inputs.prompt == as_ever.prompt
    assert inputs.prompt.template == "chat"


def test_a_template_is_used_as_it_is(clip_folder: Path) -> None:
    made = held(clip_folder).prepare(IMAGE, None).prompt
    assert (made.text, made.template) == ("USER: <image>\nDescribe the image. ASSISTANT:", "chat")


def test_what_the_processor_writes_by_itself(tmp_path: Path) -> None:
    made = held(build("blip2", tmp_path / "model")).prepare(IMAGE, "What is it?").prompt
    assert (made.text, made.template, made.problem) == ("What is it?", "processor", "")


@pytest.mark.parametrize("family", ["llava", "qwen"])
def test_another_image_token_than_the_tokenizers(
    family: str, clip_folder: Path, qwen_folder: Path, tmp_path: Path
) -> None:
    plain = clip_folder if family == "llava" else qwen_folder
    folder = Path(shutil.copytree(plain, tmp_path / "model"))
    config = json.loads((folder / "config.json").read_text())
    key = "image_token_index" if family == "llava" else "image_token_id"
    right, config[key] = config[key], 7
    (folder / "config.json").write_text(json.dumps(config))
    model, good = held(folder), held(plain)
    inputs = model.prepare(IMAGE, None)
    tokens = model.encode(inputs).tokens
    assert torch.equal(tokens, good.encode(good.prepare(IMAGE, None)).tokens)
    with pytest.raises(ModelError, match=rf"has 7 for the image token, and its tokenizer has {right} \(<"):
        model.prompted(inputs, len(tokens), None)


def test_the_image_token_in_a_question(clip_folder: Path, qwen_folder: Path) -> None:
    """Another model's is a text like any other."""
    for folder, own in ((clip_folder, "<image>"), (qwen_folder, "<|image_pad|>")):
        model = held(folder)
        with pytest.raises(UsageError, match=rf"the prompt contains {re.escape(own)}, .*: leave it out$"):
            model.prepare(IMAGE, f"USER: {own} What is this?")
        inputs = model.prepare(IMAGE, "What is <img>?")
        model.prompted(inputs, len(model.encode(inputs).tokens), "What is <img>?")


def test_what_fails_is_named_by_its_step(clip_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = held(clip_folder)
    plainly = model._processing.image_processor.preprocess

    def small(images: object, *args: object, **options: object) -> object:
        if images.width < 30:
            raise ValueError("too small")
        return plainly(images, *args, **options)

    monkeypatch.setattr(model._processing.image_processor, "preprocess", small)
    with pytest.raises(ImageError, match=r"is 20×20 pixels, and the processor of tiny rejects it \(too small\)"):
        model.prepare(picture(20, 20), None)
    model.prepare(IMAGE, None)
    monkeypatch.setattr(model._processing.image_processor, "preprocess", None)
    with pytest.raises(ModelError, match="the processor of tiny fails"):
        model.prepare(IMAGE, None)


def test_what_fails_once_is_not_remembered(clip_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = held(clip_folder)
    plainly, errors = type(model._processing)._tensors, [MemoryError("no room"), ValueError("of this image")]

    def once(own: object, image: object, text: str) -> object:
        if errors:
            raise errors.pop(0)
        return plainly(own, image, text)

    monkeypatch.setattr(type(model._processing), "_tensors", once)
    with pytest.raises(MemoryError, match="no room"):
        model.prepare(IMAGE, None)
    assert model.prepare(IMAGE, None).prompt.template == "none"
    assert model.prepare(IMAGE, None).prompt.template == "chat"


@pytest.mark.parametrize("name", ["qwen2_5_vl", "clip", "siglip"])
def test_no_tokenizer_files_are_no_empty_tokenizer(name: str, tmp_path: Path) -> None:
    folder = build(name, tmp_path / name)
    for file in folder.iterdir():
        if file.name.startswith("tokenizer") or file.name in ("vocab.json", "merges.txt", "spiece.model"):
            file.unlink()
    with pytest.raises(ModelError, match=r"has no usable tokenizer files|the tokenizer of tiny cannot be built"):
        held(folder, decoder_layers=None).dual_encoder.text_vectors(("a cat",))


@pytest.mark.parametrize(
    "text", ["[]", '"a"', "{bad", '{"cache_implementation": "zzz"}', '{"watermarking_config": "x"}']
)
def test_how_it_generates_is_read_or_named(text: str, clip_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(clip_folder, tmp_path / "model"))
    (folder / "generation_config.json").write_text(text)
    held(folder).encode(held(folder).prepare(IMAGE, None))  # exploring does not need it
    model = held(folder, decoder_layers=None)
    inputs, layers = model.prepare(IMAGE, None), []
    model.run_layers(inputs, lambda layer, _: layers.append(layer))  # nor do llm stages
    assert layers
    with pytest.raises(ModelError, match=r"the generation_config\.json of tiny does not say how it generates \("):
        model.generator.generate(inputs)


def test_a_placeholder_that_the_processor_does_not_expand_stands_for_all_tokens(tmp_path):
    folder = build("pp_chart2table", tmp_path / "model")
    image = picture(60, 40)
    written = held(folder)  # its template has all of them, written out
    (folder / "chat_template.jinja").write_text(chat_template("<img><imgpad></img>"))
    one = held(folder)
    inputs = one.prepare(image, None)
    assert int((inputs.input_ids == one.family.config.image_token_id).sum()) == 1
    theirs = written.prepare(image, None)
    assert torch.equal(one.encode(inputs).tokens, written.encode(theirs).tokens)
    assert torch.equal(one.prompted(inputs, 256, None).input_ids, theirs.input_ids)
