"""Plain English: spelling, and words that have a better one, in documents and in the texts that users see.

`tests/data/plain_english.txt` allows what still has such a word, a line for each file and word. It only gets shorter:
`UPDATE_PLAIN_ENGLISH=1` drops the lines that nothing needs any more.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = ROOT / "tests" / "data" / "plain_english.txt"
BETTER = {
    "picture": (r"pictures?", "image"),
    "walk": (r"walk(?:s|ed|ing)?", "move, step, or the verb for what is meant"),
    "whole view": (r"(?:whole|finer|finest) (?:view|page)s?", "whole image, tile"),
    "first word": (r"first words?", "top-1"),
    "settle": (r"settle[sd]?|settling", "stable from layer n"),
    "early exit": (r"early exits?|looked through", "projector lens"),
    "looked at": (r"what it looked at|looked at for nothing", "attribution, attention sink"),
    "take away": (r"tak(?:e|es|en|ing) away|stand-ins?|what stands for", "ablation, replacement"),
    "belief": (r"beliefs?|believing|how much to believe", "noise baseline"),
    "speak for, judge": (r"speak(?:s|ing)? for|judg(?:es?|ed|ing)", "class evidence, classification"),
    "verdict": (r"verdicts?", "z-score, or what was found"),
    "anatomy, dissect": (r"anatomy|dissect(?:s|ed|ing)?", "patch embedding"),
    "conversation": (r"conversations?|inquir(?:y|ies)", "session worker, requests"),
    "front end": (r"front ends?", "client"),
    "next best": (r"next best|best before", "next highest value, previous highest value"),
    "broken off, go on with": (r"broken off|go(?:es|ne|ing)? on with", "resume"),
    "hang on, put out": (r"hangs? on|puts? out|putting out", "depends on, outputs"),
    "held, told, stand": (r"held(?!-out)|told|stands?(?! for)|stood", "loaded, reported, is, applies"),
    "talk": (r"talk", "messages"),
    "is off": (r"is off|are off", "is wrong"),
    "does nothing, own scales": (r"does nothing|own scales", "idle, separate scales"),
}
"""Words that the glossary replaces and that are used for nothing else here, and what to write instead."""
WORDS = {name: re.compile(rf"\b(?:{word})\b", re.IGNORECASE) for name, (word, _) in BETTER.items()}
GENERATED = re.compile(r"<!-- ([\w/]+): written by .*? -->.*?<!-- (?:/|end of )\1 -->", re.DOTALL)


def prose(text: str) -> str:
    """A document without code, but for the comments in it, and without tables made from the package's own texts."""
    text = GENERATED.sub("", text)
    text = re.sub(r"^```.*?^```$", lambda block: "\n".join(re.findall(r"# .*", block[0])), text, flags=re.DOTALL | re.M)
    return re.sub(r"`[^`\n]+`|\w+\(\)|\]\([^)]*\)|<!--.*?-->", " ", text, flags=re.DOTALL)


def shown(tree: ast.Module, commands: bool) -> Iterator[str]:
    """The strings of a module that are no docstrings; of `commands` and lenses the docstrings too, which are help."""
    of_help = {
        id(node.body[0].value)  # type: ignore[attr-defined]
        for node in ast.walk(tree)
        if commands
        and isinstance(node, ast.FunctionDef)
        and node.decorator_list
        and ast.get_docstring(node) is not None
    }
    # docstrings, and the strings that describe a constant
    other = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)} - of_help
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in other:
            yield node.value


def texts() -> Iterator[tuple[str, str]]:
    """Every text that is checked, with its file."""
    for path in [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("vlmtui/**/*.md"))]:
        yield path.relative_to(ROOT).as_posix(), prose(path.read_text("utf-8"))
    for path in sorted(ROOT.glob("vlmtui/**/*.py")):
        name = path.relative_to(ROOT).as_posix()
        documented = name.startswith(("vlmtui/cli/", "vlmtui/lenses/"))
        strings = shown(ast.parse(path.read_text("utf-8")), documented)
        yield name, "\n".join(text for text in strings if " " in text.strip())  # names and keys are no prose
    for path in sorted(ROOT.glob("vlmtui/**/assets/*.js")):
        code = re.sub(r"^\s*(?://|/?\*).*$", "", path.read_text("utf-8"), flags=re.MULTILINE)
        strings = re.findall(r"""(["'`])((?:(?!\1).)* (?:(?!\1).)*)\1""", code)
        yield path.relative_to(ROOT).as_posix(), "\n".join(text for _, text in strings)
    for path in sorted(ROOT.glob("vlmtui/**/assets/*.html")):
        yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")


def worse(text: str) -> set[str]:
    """Which of the words to replace a text has."""
    return {name for name, word in WORDS.items() if word.search(text)}


def test_words_are_those_of_the_glossary() -> None:
    found = {f"{name}\t{word}" for name, text in texts() for word in worse(text)}
    allowed = set(ALLOWED.read_text("utf-8").splitlines())
    new = sorted(found - allowed)
    assert not new, "\n".join(f"{line.replace(chr(9), ': ')} → {BETTER[line.split(chr(9))[1]][1]}" for line in new)
    if os.environ.get("UPDATE_PLAIN_ENGLISH"):
        ALLOWED.write_text("".join(f"{line}\n" for line in sorted(allowed & found)), "utf-8")
    else:
        assert sorted(allowed - found) == [], "nothing has these any more: UPDATE_PLAIN_ENGLISH=1 drops them"


def test_spelling() -> None:
    documents = [path for pattern in ("*.md", "docs/**/*.md") for path in ROOT.glob(pattern)]
    words = ["-m", "codespell_lib", "--toml", "pyproject.toml", *map(str, documents), "vlmtui"]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Pictures of a house", {"picture"}),
        ("`picture.words()` and [a page](picture.md)", set()),
        ("```\nvlmtui picture.jpg  # a held picture\n```", {"picture", "held, told, stand"}),
        ("<!-- keys: written by a test -->\n| a picture |\n<!-- end of keys -->\nan image", set()),
    ],
)
def test_prose_is_what_is_read(text: str, found: set[str]) -> None:
    assert worse(prose(text)) == found


def test_strings_are_those_that_are_shown() -> None:
    module = ast.parse(
        '"""A picture."""\nX = "an image"\n"""Its picture."""\n'
        '@command\ndef look(x="held here"):\n    """Walk on."""\n    print(f"told {x}")\n'
    )
    assert worse("\n".join(shown(module, True))) == {"walk", "held, told, stand"}
    assert worse("\n".join(shown(module, False))) == {"held, told, stand"}
