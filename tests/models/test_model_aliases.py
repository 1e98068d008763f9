"""The sizes of the models with short names are those of the models that transformers builds."""

from __future__ import annotations

import pytest

from tests.models.model_aliases import MODELS, table
from vlmtui.catalogue import KNOWN, known_models


def test_the_table_is_what_the_configs_give() -> None:
    assert KNOWN.read_text(encoding="utf-8") == table(), "run python -m tests.models.model_aliases"


@pytest.mark.parametrize("model", [model for model in MODELS if model.published], ids=lambda model: model.alias)
def test_the_configs_give_the_published_count_of_parameters(model) -> None:
    row = known_models()[model.alias]
    assert row.seen + row.layers == model.published
