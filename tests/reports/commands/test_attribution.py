"""What an answer rests on, as text: the two answers, and each token before and with patches replaced."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tui.families import FAMILIES
from vlmtui.errors import UsageError
from vlmtui.reports.commands.attribution import AttributionOptions, ablation_lines, check_attributions
from vlmtui.results.answers import Ablation, Answer, AnswerToken


def test_two_answers_compared() -> None:
    tokens = tuple(AnswerToken(i, f"▁{word}", word, -0.5, False) for i, word in enumerate(("a", "\x1b[31mcat")))
    answer = Answer(id="a1", question="?", text="a cat", tokens=tokens, finished=True, positions=9)
    again = Answer(id="", question="?", text="a\x1b[2J dog", tokens=tokens, finished=True, positions=9)
    changes = np.array([0.25, -3.0], np.float32)
    ablation = Ablation(
        answer="a1", tokens=(4,), by="blur", again=again, log_probs=np.float32(-0.5) + changes, changes=changes
    )
    text = "".join(ablation_lines(answer, ablation))
    assert "With 1 patch replaced (blur):\naU+001B[2J dog\n" in text
    assert "    -0.500   -0.250   +0.250  a\n" in text
    assert "    -1.000   -3.750   -2.750  whole answer\n" in text
    assert "\x1b" not in text


def test_what_is_about_nothing_has_no_sign() -> None:
    token = AnswerToken(1, "▁a", "a", -1e-5, False)
    answer = Answer(id="a1", question="?", text="a", tokens=(token,), finished=True, positions=9)
    nothing = np.array([-2e-5], np.float32)
    ablation = Ablation(answer="a1", tokens=(4,), by="zero", again=answer, log_probs=nothing, changes=nothing)
    text = "".join(ablation_lines(answer, ablation))
    assert "     0.000    0.000   +0.000  a\n" in text
    assert "-0.000" not in text


def test_what_a_reading_has_not_is_refused() -> None:
    mllama, queries, tower = (FAMILIES[name]() for name in ("mllama", "idefics2", "clip_tower"))
    for reading, wanted, said in (
        (mllama, AttributionOptions(attention=True), "attribution is not available for answers of .*cross-attention"),
        (queries, AttributionOptions(occlude=1, by="blur"), "no position in the image to blur"),
        (FAMILIES["llava_next"](), AttributionOptions(occlude=40), "--occlude 40 is larger"),
    ):
        with pytest.raises(UsageError, match=said):
            check_attributions(reading, wanted)
        check_attributions(reading, AttributionOptions())
    check_attributions(queries, AttributionOptions(occlude=1))
    check_attributions(tower, AttributionOptions(attention=True))  # it refuses the question itself


def test_numbers_of_patches_need_json() -> None:
    assert not AttributionOptions().only_numbers
    assert AttributionOptions(gradient=True).only_numbers
    assert AttributionOptions(occlude=2).only_numbers
