"""What is wrong with a config.json that transformers makes no model from: the key and its value, where they are known.

transformers' own errors name a field without its section, or only the value that it found no entry for.
"""

from __future__ import annotations

import re
from typing import Any

from vlmtui.errors import one_line
from vlmtui.json_files import entries, shown

_FIELD = re.compile(r"Validation error for field '(?P<field>\w+)'")
_EXPECTED = re.compile(r"expected (?P<type>\w+), got")
_EXPECTED_TYPES = {"int": "a whole number", "float": "a number with a point", "bool": "true or false", "str": "a text"}
_SECTION = re.compile(r"Cannot resolve `(?P<section>\w+)`: no `model_type`")
_MODEL_TYPE = re.compile(r"Unrecognized model type for subconfig: (?P<type>.*?)\. Should contain")
_CHECK = re.compile(r"Class validation error for validator '\w+': \w+: (?P<said>.*)")
_MOST = 200


def config_fault(error: Exception, config: dict[str, Any]) -> str:
    """Why no model can be made from `config`, by the error of transformers, as the end of a sentence."""
    text = " ".join(str(error).split())
    if found := _FIELD.match(text):
        wrong = [(path, value) for path, value in entries(config) if path.rpartition(".")[2] == found["field"]]
        # of several sections with this field the one whose value the error quotes
        path, value = next(((path, value) for path, value in wrong if repr(value) in text), (found["field"], None))
        expected = _EXPECTED.search(text)
        kind = _EXPECTED_TYPES.get(expected["type"], "another type") if expected else "another type"
        return f"{path} is {shown(value)}, where {kind} is expected"
    if found := _SECTION.search(text):
        return f"its {found['section']} has no model_type"
    if found := _MODEL_TYPE.search(text):
        path = _path_of(found["type"], config, "model_type")
        return f"{path} is {found['type']}, which the installed transformers does not know"
    if isinstance(error, KeyError) and error.args and (path := _path_of(str(error.args[0]), config)):
        return f"{path} is {shown(error.args[0])}, which the installed transformers does not know"
    if found := _CHECK.match(text):
        return one_line(found["said"].rstrip("."), _MOST)
    return f"{type(error).__name__}: {one_line(error, _MOST)}"


def _path_of(value: str, config: dict[str, Any], key: str = "") -> str:
    """The path of the first value that reads so, whose last part is `key` where one is given; else `key` itself."""
    paths = (path for path, one in entries(config) if str(one) == value)
    return next((path for path in paths if not key or path.rpartition(".")[2] == key), key)
