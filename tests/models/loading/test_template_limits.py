"""Chat templates that make more than fits: a sentence, and the process has its memory afterwards."""

from __future__ import annotations

import resource
import threading

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from vlmtui.errors import ModelError
from vlmtui.models.loading.template_limits import MOST_TEXT, rendered


@pytest.mark.parametrize(
    "template",
    ["{{ 'a' * 10**10 }}", "{{ ('a' * 10**5) * 10**5 }}", "{% set x = ['ab' * 10**9, 1] %}{{ x | join | length }}"],
)
def test_ten_gigabytes_are_refused(template: str) -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    environment = ImmutableSandboxedEnvironment()
    with pytest.raises(ModelError, match=r"^its chat template is damaged \(it makes a prompt of more than 16 MB\)$"):
        rendered(lambda: environment.from_string(template).render())  # compiling computes constants
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_a_prompt_is_a_prompt() -> None:
    assert rendered(lambda: "a" * MOST_TEXT) == "a" * MOST_TEXT
    with pytest.raises(ModelError):
        rendered(lambda: "a" * (MOST_TEXT + 1))


def test_two_threads_leave_the_process_its_memory() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    first_done, second_inside = threading.Event(), threading.Event()

    def second() -> str:
        second_inside.set()
        first_done.wait(2)
        return ""

    other = threading.Thread(target=rendered, args=[second])

    def first() -> str:
        other.start()
        second_inside.wait(0.3)
        return ""

    rendered(first)
    first_done.set()
    other.join()
    assert resource.getrlimit(resource.RLIMIT_AS) == before
