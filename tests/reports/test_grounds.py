"""What an answer rests on, as text: the two answers, and each token before and with patches replaced."""

from __future__ import annotations

import numpy as np

from vlmtui.answers import Ablation, Answer, AnswerToken
from vlmtui.reports.grounds import Wanted, lines


def test_two_answers_compared() -> None:
    tokens = tuple(AnswerToken(i, f"▁{word}", word, -0.5, False) for i, word in enumerate(("a", "\x1b[31mcat")))
    answer = Answer(id="a1", question="?", text="a cat", tokens=tokens, finished=True, positions=9)
    again = Answer(id="", question="?", text="a\x1b[2J dog", tokens=tokens, finished=True, positions=9)
    changes = np.array([0.25, -3.0], np.float32)
    ablation = Ablation(
        answer="a1", tokens=(4,), by="blur", again=again, log_probs=np.float32(-0.5) + changes, changes=changes
    )
    text = "".join(lines(answer, ablation))
    assert "With 1 patch replaced (blur):\naU+001B[2J dog\n" in text
    assert "    -0.500   -0.250   +0.250  a\n" in text
    assert "    -1.000   -3.750   -2.750  the whole answer\n" in text
    assert "\x1b" not in text


def test_numbers_of_patches_need_json() -> None:
    assert not Wanted().only_numbers
    assert Wanted(gradient=True).only_numbers
    assert Wanted(occlude=2).only_numbers
