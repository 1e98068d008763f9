"""Noise baseline and metric agreement of the words on the screen, as far as they have come. No Textual."""

from __future__ import annotations

from vlmtui.display.pieces import fold_name
from vlmtui.lenses.folded_token_words import spellings_among
from vlmtui.metrics import PURSUITS
from vlmtui.results.noise_baseline import (
    MetricAgreement,
    NoiseBaseline,
    NoisePercentile,
    NoiseScores,
    share_above_noise,
    statistic_of,
)
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import TOKENS
from vlmtui.tui.state.subject import AgreementLens, NoiseLens, ResultKey, Subject
from vlmtui.tui.state.word_table import WordRow


def noise_key(selection: Selection) -> ResultKey:
    """Which words of noise those of the selection are held against."""
    pursuit = selection.order in PURSUITS
    return Subject(selection.stage), NoiseLens(selection.order, selection.k if pursuit else 0)


def noise_percentile(results: Results, selection: Selection, words: tuple[WordRow, ...]) -> NoisePercentile | None:
    """Where these words of a token stand among those of noise; None where that is not known."""
    noise = noise_of(results, selection)
    if noise is None or not words:
        return None
    first, last = words[0], words[-1]
    if statistic_of(noise.metric) == "explained":
        return noise.standing((first.id,), last.explained or 0.0, None)
    spellings = first.id, *_spellings(noise.shuffled, selection, first)
    return noise.standing(spellings, first.score, first.score - words[1].score if len(words) > 1 else None)


def noise_of(results: Results, selection: Selection) -> NoiseBaseline | None:
    """The words of noise that those of the stage are held against, as soon as they have come."""
    found = results.found.get(noise_key(selection)) if selection.noise else None
    return found if isinstance(found, NoiseBaseline) else None


def words_of_noise_awaited(results: Results, selection: Selection) -> bool:
    """Whether the words of noise are still to come."""
    key = noise_key(selection)
    return selection.noise and key not in results.found and key not in results.refused


def share_above(results: Results, selection: Selection) -> float | None:
    """The percentage of all tokens that are above noise; None until all words and those of noise have come."""
    noise, table = noise_of(results, selection), results.word_table(selection)
    tokens = results.reading.places if results.reading else ()
    if noise is None or table is None or len(table.rows) < len(tokens):
        return None
    if table.above_noise is None or table.above_noise[0] is not noise:
        counted = [token for token, place in enumerate(tokens) if place.kind != "newline"]
        table.above_noise = noise, share_above_noise(noise.percentiles(table.gathered(counted, selection.k)))
    return table.above_noise[1]


def agreement_key(token: int) -> ResultKey:
    """What the agreement of metrics on a token is known by."""
    return Subject(TOKENS, token), AgreementLens()


def metrics_agreeing(results: Results, selection: Selection, words: tuple[WordRow, ...]) -> tuple[int, int] | None:
    """How many metrics have the first of these words as their top-1, and of how many; None where it is not known."""
    token = results.token(selection) if selection.stage == TOKENS else None
    found = None if token is None else results.found.get(agreement_key(token))
    if not isinstance(found, MetricAgreement) or not words:
        return None
    first = words[0]
    return found.with_first(first.id, *_spellings(found, selection, first)), len(found.metrics)


def _spellings(rows: MetricAgreement | NoiseScores | None, selection: Selection, word: WordRow) -> tuple[int, ...]:
    """The ids of a word's spellings among those rows, where the lists of the stage are folded."""
    if rows is None or not selection.folds:
        return ()
    return spellings_among(rows, fold_name(word.id, word.piece, word.text))
