"""Needs of the screen: the results that a selection has use for, by what they are for. No Textual.

Each function gives what one matter needs; `vlmtui.tui.requests` asks for what of it has not come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from vlmtui.lenses.captions import LensResult
from vlmtui.tui.navigation import step_stage
from vlmtui.tui.state import early_exit
from vlmtui.tui.state.answer_values import attribution_key, mask_key
from vlmtui.tui.state.image_scores import image_level_lenses
from vlmtui.tui.state.lens_values import noise_call_key, overlay_call, overlay_lens, value_key, value_refused
from vlmtui.tui.state.noise_baseline import agreement_key, noise_key
from vlmtui.tui.state.patch_facts import before_first_block, patch_key
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import ANSWER, TOKENS, llm_depth, of_tokens
from vlmtui.tui.state.subject import (
    AHEAD,
    IDLE,
    OF_IMAGE,
    OF_LAYERS,
    REST,
    LayerWordsLens,
    Need,
    OcclusionLens,
    ResultKey,
    Subject,
    WordsLens,
)

NeedsOf = Callable[[Results, Selection], Iterator[Need]]
REACH = 3
"""So many stages in both directions are asked about before anybody goes there, where that costs little."""
LITTLE_S = 0.1
"""What a lens that is not built in may have taken to be asked before anybody looks."""


def layers(results: Results, selection: Selection) -> Iterator[Need]:
    """The image run through the language model, where a stage of it is looked at and there are tokens in it."""
    if results.reading and results.reading.places and llm_depth(selection.stage) is not None:
        yield Need(*OF_LAYERS)


def words(results: Results, selection: Selection) -> Iterator[Need]:
    """The words of the stage; of one without words those of the tokens meanwhile."""
    own = (of_tokens(selection.stage) and selection.stage != ANSWER) or early_exit.shows_early_exit(results, selection)
    stage = selection.stage if own else TOKENS
    if results.reading is None or (llm_depth(stage) and not results.layers):
        return
    there = replace(selection, stage=stage)
    near = results.token(selection) if stage == selection.stage or selection.stage == ANSWER else None
    tokens = len(results.reading.places)
    yield Need(Subject(stage), WordsLens(there.order), tokens=tokens, near=near, k=selection.k, fold=there.folds)


def layer_words(results: Results, selection: Selection) -> Iterator[Need]:
    """The top-1 of the token under the cursor after every layer."""
    token = results.token(selection) if selection.shows_layers and results.layers else None
    if token is not None:
        yield Need(Subject("llm", token), LayerWordsLens(), REST)


def patch(results: Results, selection: Selection) -> Iterator[Need]:
    """What enters the first block for the patch under the cursor."""
    entry = results.entry(selection) if before_first_block(selection.stage) else None
    if entry is not None:
        yield Need(*patch_key(entry), REST)


def noise(results: Results, selection: Selection) -> Iterator[Need]:
    """The words of noise, once all words that they are compared with have come."""
    worded = of_tokens(selection.stage) or selection.projected
    if not selection.noise or not worded or selection.shows_layers:
        return
    if results.reading is None or not results.reading.places:
        return
    table = results.word_table(selection)
    if table is not None and not table.missing(range(len(results.reading.places))):
        yield Need(*noise_key(selection), IDLE, k=selection.k)


def agreement(results: Results, selection: Selection) -> Iterator[Need]:
    """Whether metrics agree on the token under the cursor, once its words have come."""
    token = results.token(selection) if selection.stage == TOKENS and results.words(selection) else None
    if token is not None:
        yield Need(*agreement_key(token), IDLE, k=selection.k)


def overlay(results: Results, selection: Selection) -> Iterator[Need]:
    """What the lens of the overlay finds at the stage; then at the stages beside, where that costs little."""
    key = value_key(selection, results)
    unread = llm_depth(selection.stage) is not None and results.layers is None
    if key is not None and not unread and not value_refused(selection, results):
        # of one entry after the other, as the cursor passes them, none is asked for
        yield Need(*key) if key[0].entry is None else Need(*key, REST)
        if key in results.found and (of_noise := noise_call_key(selection, results)):
            yield Need(*of_noise, IDLE)
    if overlay_lens(selection, results) is not None and (beside := ahead(selection, results)):
        yield Need(*beside, AHEAD)


def attribution(results: Results, selection: Selection) -> Iterator[Need]:
    """The attribution of the answer that is chosen; an occlusion map takes long, and is asked for by a key."""
    if results.generation.under_way or selection.stage != ANSWER or selection.of_answer.mask is not None:
        return
    key = attribution_key(results, selection)
    if key is not None and not isinstance(key[1], OcclusionLens):
        yield Need(*key)


def mask(results: Results, selection: Selection) -> Iterator[Need]:
    """The attention mask, where it is drawn."""
    key = mask_key(results, selection)
    if key is not None and not results.generation.under_way:
        yield Need(*key)


def image_level(results: Results, selection: Selection) -> Iterator[Need]:
    """Scores of the whole image."""
    for lens in image_level_lenses(results, selection):
        yield Need(OF_IMAGE, lens)


def ahead(selection: Selection, results: Results) -> ResultKey | None:
    """A stage near the one looked at and the lens for it, where a step there would have to wait; None for none."""
    for step in (step for far in range(1, REACH + 1) for step in (-far, far)):
        there = step_stage(selection, results, step)
        lens = overlay_call(there, results)
        if lens is None or not _cheap(there, results) or (llm_depth(there.stage) and results.layers is None):
            continue
        key: ResultKey = Subject(there.stage), lens
        if key not in results.found and key not in results.refused:
            return key
    return None


def _cheap(selection: Selection, results: Results) -> bool:
    """Whether it is worth to be asked for before anybody looks: another word is searched for anew at every stage, and
    what a lens that is not built in costs is known when it has been asked once."""
    lens = overlay_lens(selection, results)
    if lens is None or not lens.of_numbers or not lens.quick or lens.offer.word:
        return False
    if lens.built_in:
        return True
    taken = [
        found.seconds
        for found in results.found.values()
        if isinstance(found, LensResult) and found.call.lens == lens.source
    ]
    return bool(taken) and max(taken) < LITTLE_S
