"""Chat templates of a checkpoint: where they come from, and the prompt that the first of them makes that has an image.

They are programs of strangers: text-only ones, broken ones and ones that raise must not stop what needs no prompt.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vlmtui.errors import ModelError, one_line
from vlmtui.json_files import parse_json, read_bounded
from vlmtui.models.loading.template_limits import rendered
from vlmtui.reading import TemplateKind

NO_IMAGE = "its chat template puts no image into the prompt"
_DEFAULT = "default"
_MARK = "\ufeff"
"""The byte order mark, which transformers leaves in a template, and thus in the prompt."""
_TOKENIZER = "tokenizer_config.json"


@dataclass(frozen=True)
class PromptText:
    """A prompt with the image's placeholder, before it is expanded to the image's tokens.

    `template` says what made it: the chat template of the model's files, the family's processor, the tokenizer's own
    template, or none: image, separator and sentence. `problem` is why a chat template was not used, or "".
    """

    text: str
    template: TemplateKind = "none"
    problem: str = ""


def chat_templates(folder: Path, whole: Any, tokenizer: Any) -> list[tuple[TemplateKind, str]]:
    """The chat templates of a checkpoint, best first, each once, and whether it is the model's or the tokenizer's.

    Of named ones "default" comes first. `whole` is the family's processor, or None.
    """
    sources: list[tuple[TemplateKind, Any]] = [
        ("chat", getattr(whole, "chat_template", None)),
        ("chat", _text(folder / "chat_template.jinja")),
        ("chat", _entry(folder / "chat_template.json")),
        ("chat", _entry(folder / "processor_config.json")),
        ("tokenizer", _entry(folder / _TOKENIZER)),
        ("tokenizer", getattr(tokenizer, "chat_template", None)),
    ]
    found: dict[str, TemplateKind] = {}
    for kind, value in sources:
        for template in _named(value):
            found.setdefault(template.removeprefix(_MARK), kind)
    return [(kind, template) for template, kind in found.items()]


def prompts(
    templates: list[tuple[TemplateKind, str]], renderer: Any, sentence: str
) -> Iterator[tuple[PromptText | None, str]]:
    """What each template makes of an image and a sentence, or None and why it fails."""
    turns = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": sentence}]}]
    for kind, template in templates:
        try:
            text = rendered(_rendering(renderer, turns, template))
        except ModelError as error:
            yield None, str(error)
        except Exception as error:
            yield None, f"its chat template fails: {type(error).__name__}: {one_line(error)}"
        else:
            yield PromptText(text, kind), ""


@contextmanager
def without_templates(folder: Path) -> Iterator[Path]:
    """A folder with the same files but without chat templates: one that transformers cannot read stops it."""
    with tempfile.TemporaryDirectory() as temporary:
        for file in folder.iterdir():
            if file.is_file() and not file.name.startswith("chat_template") and file.name != _TOKENIZER:
                (Path(temporary) / file.name).symlink_to(file.resolve())
        if (folder / _TOKENIZER).is_file():
            settings = parse_json(read_bounded(folder / _TOKENIZER))
            settings.pop("chat_template", None)
            (Path(temporary) / _TOKENIZER).write_text(json.dumps(settings), encoding="utf-8")
        yield Path(temporary)


def _rendering(renderer: Any, turns: list[dict[str, Any]], template: str) -> Callable[[], str]:
    return lambda: str(
        renderer.apply_chat_template(turns, chat_template=template, add_generation_prompt=True, tokenize=False)
    )


def _text(file: Path) -> str | None:
    try:
        return read_bounded(file).decode()
    except (OSError, ValueError):
        return None


def _entry(file: Path) -> Any:
    """The `chat_template` of a JSON file, None where it has none."""
    try:
        found = parse_json(read_bounded(file))
    except (OSError, ValueError):
        return None
    if isinstance(found, str) and file.name.startswith("chat_template"):
        return found
    return found.get("chat_template") if isinstance(found, dict) else None


def _named(value: Any) -> list[str]:
    """The templates in a value: a string, names with templates, or a list of objects with both."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        value = {
            str(one.get("name")): one.get("template") for one in value if isinstance(one, dict) and "template" in one
        }
    if not isinstance(value, dict):
        return []
    ordered = sorted(value.items(), key=lambda item: item[0] != _DEFAULT)
    return [template for _, template in ordered if isinstance(template, str)]
