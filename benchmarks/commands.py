"""Command lines that `benchmarks.output_comparison` compares, as templates.

`{model}` is the model, `{last}` its last vision stage, `{deepest}` its last layer, `{out}` a file name of the command's
own. The working folder has `picture.png`, the folder `album` of four images, and `broken.png`, which is no image.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

METRICS = ("l2", "cosine", "cosine-centred", "dot", "omp", "omp-positive", "ridge", "pinv")
STAGES = ("pixels", "vision.0", "{last}", "tokens", "llm.1", "{deepest}")
TABLES = ("json", "jsonl", "csv", "parquet")
FORMATS = ("text", *TABLES, "html", "png", "svg", "gif", "ansi")
ENDINGS = ("txt", "json", "jsonl", "csv", "parquet", "html", "png", "svg", "gif", "ans")
VALUE_STAGES = ("tokens", "vision.0", "{last}", "llm.1")
"""Stages at which a lens gives each entry a value."""
LENSES = {
    "--lens similarity --marked 1,1": VALUE_STAGES,
    "--marked 0,0 --marked 1,1": VALUE_STAGES,
    "--lens pca": (*VALUE_STAGES, "{deepest}"),
    "--find sky": (*VALUE_STAGES, "{deepest}"),
    "--lens find --find 'a blue sky'": ("tokens", "{last}"),
    "--lens evidence --find 0": ("{last}", "vision.0", "tokens"),
    "--lens evidence --find house": ("{last}",),
    "--lens position": ("vision.0", "{last}", "tokens"),
    "--lens projector": ("{last}", "vision.1", "tokens"),
    "--lens projector --metric cosine -k 3": ("{last}",),
    "--lens projector --patch 1,1": ("{last}",),
    "--lens layers --patch 1,1": ("tokens", "llm.1", "{last}"),
    "--lens layers --patch 0,0 --patch 1,1 -k 2": ("tokens",),
    "--lens layers": ("tokens",),
}
"""Lenses, each with the stages at which it is run; it is refused at some of them."""
DRAWN_AT = {"--lens similarity --marked 1,1": "tokens", "--lens pca": "tokens", "--find sky": "tokens"} | {
    "--lens evidence --find 0": "{last}",
    "--lens position": "vision.0",
    "--lens projector": "{last}",
}
"""One stage of each lens, for formats that take longer."""
NEAR_METRICS = ("l2", "cosine", "dot", "cosine-centred")


def with_model(full: bool) -> list[list[str]]:
    """Commands about a model, each once; unless `full`, only those whose output may depend on the family."""
    lines = [
        *_formats(),
        *_metrics_and_stages(),
        *_lenses(),
        *_selections(),
        *_tables_of_images(),
        *_questions(),
        *_image_level(),
        *_vocabulary_and_verify(),
    ]
    if full:
        lines += [
            *_more_formats(),
            *_more_metrics_and_stages(),
            *_more_lenses(),
            *_more_selections(),
            *_more_drawings(),
            *_more_tables(),
        ]
    return [shlex.split(words) for words in dict.fromkeys(lines)]


def without_model() -> list[list[str]]:
    """Commands that need no model, and those that are refused, by the demo model where that takes one."""
    names = "report ask match classify outliers vocabulary atlas serve models verify doctor session picture.png"
    lines = ["--help", "--version", *(f"{name} --help" for name in names.split())]
    lines += ["models", "models --long", "models --clear demo", "models --clear org/none", "nothing.png", "reprot"]
    lines += [f"report picture.png {words}" for words in _REFUSED]
    lines += ["report", "ask picture.png", "ask picture.png ''", "ask picture.png Who --temperature 0"]
    lines += ["ask picture.png Who --by zero", "ask picture.png Who --ablate 1 --format json", "match picture.png"]
    lines += ["outliers picture.png", "match picture.png --text ''", "match picture.png --text sky -m qwen2-vl-2b"]
    lines += ["classify picture.png -m gemma3-4b", "atlas", "atlas nothing.parquet", "atlas picture.png --table words"]
    lines += ["vocabulary demo --near sky --metric omp", "verify", "verify ./nothing"]
    return [shlex.split(words) for words in dict.fromkeys(lines)]


_REFUSED = (
    "--metric l3", "--format xml", "--lens xray", "--lens find", "--lens evidence", "--lens similarity",
    "--lens pca --find sky", "--lens pca --marked 1,1", "--lens similarity --find sky", "--lens position",
    "--lens layers --format csv --patch 1,1", "--lens layers --format png --patch 1,1",
    "--lens position --stage tokens", "--lens pca --stage pixels", "--lens projector --stage tokens",
    "--stage vision.99", "--stage llm.99",
    "--stage nowhere", "--stages all", "--patch 1", "--patch 99,99", "--marked 99,99", "--rows 3-1", "--rows 99",
    "--where", "--where 'norm>'", "--where 'sky>1'", "--where 'norm>z1 or'", "--fields nothing --format csv",
    "--fields index", "--draw words", "--draw circles --format png", "--draw layers --format ansi", "--size 3",
    "--size 3 --format png", "--vectors words.txt", "--vectors v.npz --format png", "--null --stage pixels",
    "--null --stage vision.0", "--ridge 0 --metric ridge", "-k 0", "--ridge -1", "--all-tokens --stage pixels",
    "--part-size 3", "-o words.docx", "-o nowhere/words.json", "--rows 0 --format html", "-m ./nothing", "-m ''",
    "--device tpu", "--dtype int8", "--prompt ''", "--max-pixels 10", "--lens evidence --find 0",
)  # fmt: skip


def _report(words: str, kind: str = "json") -> str:
    return f"report picture.png -m {{model}} {words} --format {kind}"


def _formats() -> Iterator[str]:
    yield "picture.png -m {model}"
    for kind in FORMATS:
        yield _report("", kind)
    for what in ("words", "heat", "layers", "norms"):
        yield _report(f"--draw {what} --size 400", "png")


def _more_formats() -> Iterator[str]:
    for ending in ENDINGS:
        yield f"report picture.png -m {{model}} -k 2 -o {{out}}.{ending}"
    yield _report("--stages all -k 3", "html")


def _metrics_and_stages() -> Iterator[str]:
    for metric in METRICS:
        yield _report(f"--metric {metric}")
    yield _report("--metric omp -k 3 --all-tokens", "text")
    yield _report("--metric cosine --stage {deepest}", "text")
    yield _report("--prompt 'What is it?' --stage llm.1")
    for stage in STAGES:
        for kind in ("text", "json", "csv"):
            yield _report(f"--stage {stage} -k 3", kind)
    for kind in ("text", *TABLES):
        yield _report("--null -k 3", kind)
    yield _report("--null --stage llm.1 -k 3")
    yield _report("--null --metric omp -k 2")
    yield _report("--null --lens projector --stage {last} -k 3")


def _more_metrics_and_stages() -> Iterator[str]:
    for metric in METRICS:
        yield _report(f"--metric {metric} -k 3 --all-tokens", "text")
    yield _report("--metric ridge --ridge 0.5")
    yield _report("--metric omp", "csv")
    yield _report("--metric omp", "parquet")
    for stage in STAGES:
        for kind in TABLES:
            yield _report(f"--stage {stage} -k 3", kind)
    for kind in ("text", *TABLES):
        yield _report("--null --stage llm.1 -k 3", kind)
    yield _report("--null --metric cosine")
    yield _report("--null --patch 1,1", "text")
    yield _report("--null --lens projector --stage {last} -k 3", "text")


def _lenses() -> Iterator[str]:
    for lens, stages in LENSES.items():
        for stage in stages:
            yield _report(f"{lens} --stage {stage}")
        yield _report(f"{lens} --stage {stages[0]}", "text")
    for lens, stage in DRAWN_AT.items():
        for kind in ("csv", "parquet", "ansi"):
            yield _report(f"{lens} --stage {stage}", kind)
        yield _report(f"{lens} --stage {stage} --draw heat --size 300", "png")


def _more_lenses() -> Iterator[str]:
    for lens, stages in LENSES.items():
        for stage in stages:
            yield _report(f"{lens} --stage {stage}", "text")
    for lens, stage in DRAWN_AT.items():
        for kind in ("jsonl", "svg", "html"):
            yield _report(f"{lens} --stage {stage}", kind)
        yield _report(f"{lens} --stage {stage} --patch 1,1", "text")
        yield _report(f"{lens} --stage {stage} --where 'norm>z0.5'", "csv")
    yield _report("--lens pca", "gif")


def _selections() -> Iterator[str]:
    for stage in STAGES:
        yield _report(f"--patch 1,1 --patch 0,0 --stage {stage} -k 3", "text")
    yield _report("--patch 1,1 --stage vision.0")
    yield _report("--patch 1,1 --stage pixels")
    yield _report("--patch 9,99", "text")
    yield _report("""--where 'word~"s" or not norm>z0'""", "csv")
    yield _report("--where 'norm>1e9'", "text")
    yield _report("--rows 0-1", "text")
    yield _report("--fields index,row,col,norm,words -k 2", "csv")
    yield _report("--fields model,stage,box,z,value,word,text,score,margin,null,grids --lens pca", "json")
    for stage in STAGES[1:]:
        yield _report(f"--vectors {{out}}.safetensors --stage {stage}", "csv")


def _more_selections() -> Iterator[str]:
    for stage in STAGES:
        yield _report(f"--patch 1,1 --patch 0,0 --stage {stage} -k 3")
    yield _report("--patch 0:1,1", "text")
    for condition in ("norm>z1", "row<2 and col>=1", "score>z1 and norm<z2", "norm>1e9"):
        for kind in ("text", "csv"):
            yield _report(f"--where {shlex.quote(condition)}", kind)
    yield _report("--rows 1 --stage vision.0", "csv")
    for kind in TABLES:
        yield _report("--fields index,row,col,norm,words -k 2", kind)
        yield _report("--fields model,stage,box,z,value,word,text,score,margin,null,grids --lens pca", kind)
    yield _report("--vectors {out}.npz --rows 0", "csv")


def _more_drawings() -> Iterator[str]:
    for what in ("words", "heat", "layers", "norms"):
        for stage in ("tokens", "{last}", "llm.1"):
            yield _report(f"--draw {what} --stage {stage} --size 600", "svg")
        yield _report(f"--draw {what} --num-words 2 --size 500", "png")
        yield _report(f"--draw {what} --size 80", "ansi")
        yield _report(f"--draw {what} --color 256", "ansi")


def _tables_of_images() -> Iterator[str]:
    yield "report album broken.png -m {model} -k 2 --format json"
    yield "report album -m {model} -k 3 -o words.parquet"
    yield "atlas words.parquet --word sky --word the -k 3 --patches 2"
    yield "atlas words.parquet --format json"


def _more_tables() -> Iterator[str]:
    for kind in ("jsonl", "csv", "text"):
        yield f"report album broken.png -m {{model}} -k 2 --format {kind}"
    yield "report album -m {model} -k 2 --draw heat --stage {last} -o drawn/ --format svg"
    yield "report album -m {model} -k 3 --stage {last} -o norms.parquet"
    yield "report album -m {model} -k 2 --metric cosine --null -o null.parquet --part-size 2"
    yield "report album -m {model} -k 2 --lens pca -o pca.parquet"
    for table in ("words.parquet", "norms.parquet", "null.parquet"):
        for kind in ("text", "json", "html"):
            yield f"atlas {table} --format {kind}"
        for part in ("words", "where", "patches", "outliers", "failures"):
            yield f"atlas {table} --format csv --table {part}"


def _questions() -> Iterator[str]:
    ask = "ask picture.png 'What is in the picture?' -m {model} --max-new-tokens 6"
    yield ask
    yield f"{ask} --format json --attention --gradient --occlude 2 --ablate 1,1"
    yield f"{ask} --format json --attention --gradient --occlude 3"
    yield f"{ask} --ablate 0,0 --ablate 1,1 --by blur"
    yield f"{ask} --format json --occlude 4 --by zero"
    yield f"{ask} --temperature 0.8 --seed 5"
    yield f"{ask} -o {{out}}.txt"


def _image_level() -> Iterator[str]:
    for kind in ("text", "json"):
        yield f"match picture.png -m {{model}} --text 'a blue sky' --text 'a red ball' --patches --format {kind}"
        yield f"match album -m {{model}} --text a --text b --text c --text d --captions --format {kind}"
        yield f"classify picture.png -m {{model}} --format {kind}"
        yield f"classify album broken.png -m {{model}} -k 2 --format {kind}"
        yield f"outliers album -m {{model}} --format {kind}"
    yield "match picture.png -m {model} --text 'a blue sky'"
    yield "outliers album -m {model} --stage {last}"


def _vocabulary_and_verify() -> Iterator[str]:
    for kind in ("text", "json", "csv"):
        yield f"vocabulary {{model}} --format {kind}"
        yield f"vocabulary {{model}} --near sky --format {kind}"
    for metric in NEAR_METRICS:
        yield f"vocabulary {{model}} --near 'blue sky' --metric {metric} -k 4 --format json"
    yield "vocabulary {model} --all-tokens -k 3"
    yield "vocabulary {model} --near sky --all-tokens"
    yield "verify {model} --format json"
