"""Actions on lenses: overlays and their options, words, early exit, scores of the whole image, playing the layers."""

from __future__ import annotations

from dataclasses import replace

from vlmtui.display.numbers import count
from vlmtui.display.pieces import plain
from vlmtui.errors import UsageError
from vlmtui.lenses.folded_token_words import folds
from vlmtui.tui.actions.context import ActionContext
from vlmtui.tui.dialogs.outliers import OutliersPage
from vlmtui.tui.dialogs.text import TextDialog
from vlmtui.tui.initial_selection import choose_own_lens
from vlmtui.tui.state import early_exit as exits
from vlmtui.tui.state.explorer_state import ExplorerState
from vlmtui.tui.state.image_level import BETWEEN, CLASSES, TEXTS, parse_texts, scored_by
from vlmtui.tui.state.image_outliers import image_outliers
from vlmtui.tui.state.image_scores import image_level_lenses
from vlmtui.tui.state.lens_choice import default_overlay, option_line, options_text, parse_options, word_lens
from vlmtui.tui.state.lens_values import first_of_segments, overlay_lens, own_word_lenses, value_key
from vlmtui.tui.state.selection import NORMS, SEGMENTS
from vlmtui.tui.state.stages import ANSWER, llm_depth, path
from vlmtui.tui.state.subject import OF_IMAGE
from vlmtui.tui.state.word_table import WordRow

OPTIONS = "Lens: options"
"""What the command palette calls the dialog for a lens's options."""
NOTHING_FOLDS = "no spellings to fold here"


def by_layer(context: ActionContext) -> None:
    """The top-1 after every layer instead of the words of this layer, or back."""
    state = context.state
    if llm_depth(state.selection.stage) is None:
        said = "top-1 per layer is for llm stages: ] goes on to llm.1"
        context.notify(said, timeout=4)
        return
    state.selection = replace(state.selection, by_layer=not state.selection.by_layer)


def metric(context: ActionContext) -> None:
    """The next metric, and of segments what they are of; the layers of the language model have no metric."""
    state, selection = context.state, context.state.selection
    first = selection.overlay == SEGMENTS and first_of_segments(selection, state.results) is not None
    own = own_word_lenses(selection, state.results) if selection.overlay == SEGMENTS else ()
    if selection.stage != ANSWER and (first or own or llm_depth(selection.stage) is None):
        state.selection = selection.next_metric(first, own)
    elif selection.stage != ANSWER:
        context.notify(f"{selection.stage} orders words by their logits: m chooses a metric at tokens", timeout=5)


def words(context: ActionContext, step: int) -> None:
    """More or fewer words."""
    selection = context.state.selection
    context.state.selection = selection.with_k(selection.k + step)


def fold(context: ActionContext) -> None:
    """Spellings of one word in one line, or each in its own; where that changes nothing here, say so."""
    state = context.state
    state.selection = replace(state.selection, fold=not state.selection.fold)
    if said := _nothing_folds(state):
        context.notify(said, timeout=4)


def _nothing_folds(state: ExplorerState) -> str:
    """Why the list under the cursor is the same folded or not; "" where it is not, or has not come."""
    results, selection = state.results, state.selection
    if not folds(selection.order):
        return f"coefficients of {selection.order} do not fold: they are parts of one sum"
    table, token = results.word_table(selection), results.token(selection)
    if selection.shows_layers or table is None or token is None:
        return NOTHING_FOLDS
    here = table.lines(token, selection.k, True)
    if here is None or _is_folded(here):
        return ""
    others = sum(_is_folded(table.lines(one, selection.k, True) or ()) for one in table.rows)
    return (
        f"{NOTHING_FOLDS}: {count(others, 'other list')} {'has' if others == 1 else 'have'} some"
        if others
        else NOTHING_FOLDS
    )


def _is_folded(lines: tuple[WordRow, ...]) -> bool:
    return any(one.spellings > 1 for one in lines)


def next_overlay(context: ActionContext, step: int) -> None:
    """The next overlay, or for a `step` of −1 the one before."""
    state = context.state
    own = tuple(state.results.lenses.values())
    state.selection = state.selection.next_overlay(state.results.model, own, step)


def choose_overlay(context: ActionContext, name: str) -> None:
    """An overlay by its name; one that searches for a word asks for it, one of answers becomes the attribution."""
    state = context.state
    lens = word_lens(state.results.model)
    if name in state.results.lenses:
        state.ask_stopped_again()
        state.selection = choose_own_lens(state.selection, state.results, name)
    elif lens is not None and lens.name == name and not state.selection.sought:
        find(context)
    else:
        state.ask_stopped_again()
        state.selection = replace(state.selection, overlay=name)


def options(context: ActionContext) -> None:
    """The options of the person's own lens that is looked through, or else of the last one."""
    state, lenses = context.state, context.state.results.lenses
    selection = state.selection
    name = selection.of_answer.attribution if selection.stage == ANSWER else selection.overlay
    lens = lenses.get(name) or next(reversed(lenses.values()), None)
    if lens is None:
        context.notify("only a lens of your own has options: vlmtui IMAGE --lens ./file.py", timeout=6)
        return
    if not lens.described.options:
        context.notify("it has no options", title=lens.name, timeout=4)
        return
    chosen = lens

    def give(given: tuple[tuple[str, object], ...]) -> None:
        lenses[chosen.name] = replace(chosen, given=given)
        state.ask_stopped_again()
        state.selection = choose_own_lens(state.selection, state.results, chosen.name)

    head = "name=value, separated by spaces; others keep their default:"
    hint = "\n".join([head, *map(option_line, lens.described.options)])
    title = f"Options of {plain(lens.name)}"
    context.dialog(
        TextDialog(title, hint, lambda text: parse_options(text, chosen.described), options_text(lens.given)), give
    )


def find(context: ActionContext) -> None:
    """Ask for a word, light up the patches that are near to it, and go to the nearest."""
    state = context.state

    def read(text: str) -> str:
        if not text:
            raise UsageError("type a word, or leave with Escape")
        return text

    def search(text: str) -> None:
        lens = word_lens(state.results.model)
        if lens is not None:
            if scored_by(state.results.model) == TEXTS:
                # a text that is searched for in the patches is scored against the whole image too
                texts = parse_texts(BETWEEN.join((*state.selection.texts, text)))
                _score(state, texts)
            state.selection = replace(state.selection, sought=text, overlay=lens.name)
            state.seek_highest()

    hint = {
        TEXTS: "patches are coloured by their cosine with it at the last vision stage; the whole image is scored too",
        CLASSES: "one of the model's classes: patches are coloured by their evidence for it at the last vision stage",
        "": "patches are coloured by their cosine with it; at llm stages by its logit",
    }[scored_by(state.results.model)]
    context.dialog(TextDialog("Find a word", hint, read, state.selection.sought), search)


def image_level(context: ActionContext) -> None:
    """Texts to score against the whole image, or its top classes, by what the model has."""
    state = context.state
    match scored_by(state.results.model):
        case by if by == TEXTS:
            hint = f"one or more, separated by {BETWEEN} , such as: a photo of a dog {BETWEEN} a photo of a cat"
            before = f" {BETWEEN} ".join(state.selection.texts)
            ask = TextDialog("Texts for the whole image", hint, _texts, before)
            context.dialog(ask, lambda texts: _score(state, texts))
        case by if by == CLASSES:
            _score(state, state.selection.texts, classes=True)
        case _:
            named = "such as --model siglip-so400m or vit-base"
            said = f"texts and classes need a vision-only model, {named}; a asks this model"
            if state.results.model and state.results.model.wordless:
                said = f"texts and classes need a text tower or a classification head: choose a model {named}"
            context.notify(said, timeout=6)


def early_exit(context: ActionContext) -> None:
    """Send the tower's stages through the projector, or no more."""
    state = context.state
    state.selection, refused = exits.toggle_early_exit(state.results, state.selection)
    if refused:
        context.notify(refused, title="no projector lens", timeout=8)


def outliers(context: ActionContext) -> None:
    """Where this image's outliers are; by position or by content, of all images so far, at every stage."""
    results = context.state.results
    counted = results.outliers.tallies(results.model) if results.model else []
    page = OutliersPage(counted, context.state.selection.stage, image_outliers(results))
    context.dialog(page, lambda answer: None)


def play(context: ActionContext) -> None:
    """Go through the stages by itself, from the first vision stage again at the end; or stop."""
    state = context.state
    if state.playing or state.results.reading is None:
        state.playing = False
        return
    if state.selection.overlay != NORMS and overlay_lens(state.selection, state.results) is None:
        state.selection = replace(state.selection, overlay=default_overlay())
    if _following(state) is None:
        state.at_stage("vision.0")
    state.playing = True


def play_on(context: ActionContext) -> None:
    """The next stage of those that are played, once what this one shows has come."""
    state = context.state
    key = value_key(state.selection, state.results)
    if key is not None and context.requests.awaits(key):
        return
    following = _following(state)
    if following is None:
        state.playing = False
    else:
        state.at_stage(following)


def _following(state: ExplorerState) -> str | None:
    """The next stage; not into a language model whose layers have not been read, which takes its time."""
    results, stage = state.results, state.selection.stage
    if results.reading is None:
        return None
    there = path(results.reading.model)  # without an answer: played are the layers
    at = there.index(stage) + 1 if stage in there else len(there)
    following = there[at] if at < len(there) else None
    return None if following and llm_depth(following) and results.layers is None else following


def _score(state: ExplorerState, texts: tuple[str, ...], classes: bool = False) -> None:
    """Have texts scored, or the top classes; what failed before is asked again."""
    state.selection = replace(state.selection, texts=texts, classes=classes or state.selection.classes)
    for lens in image_level_lenses(state.results, state.selection):
        state.results.refused.pop((OF_IMAGE, lens), None)


def _texts(text: str) -> tuple[str, ...]:
    if not (texts := parse_texts(text)):
        raise UsageError("type a text, or leave with Escape")
    return texts
