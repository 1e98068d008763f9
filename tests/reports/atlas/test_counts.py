"""What an atlas counts, against DuckDB on the same files, and pictures made by hand."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import duckdb
import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.query.queries import query_of
from tests.reports.atlas.tables import album, seen, shares, wild, write
from vlmtui.display.norm_statistics import THRESHOLD
from vlmtui.display.outlier_positions import GridShape
from vlmtui.reports.atlas import summary, tables
from vlmtui.reports.atlas.counts import AtlasCounts
from vlmtui.reports.atlas.examples import SIDE, ExampleCollector, WordExamples, add_rows, choose_words
from vlmtui.reports.atlas.summary import AtlasOptions, build_atlas
from vlmtui.reports.image_report import ImageReport

COUNTS = """
with told as (select image as picture, unnest(words) as w, generate_subscripts(words, 1) as place
              from '{file}' where error is null and kind <> 'newline')
select w.id, count(*) filter (place = 1), count(*), count(distinct picture) filter (place = 1), count(distinct picture)
from told group by w.id order by 2 desc, 1
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write(album(), tmp_path_factory.mktemp("album") / "words.parquet")


@pytest.mark.parametrize("rows", [1, 7, 100, 16_384])
def test_words_are_counted_as_duckdb_counts_them(file, rows):
    counted = AtlasCounts()
    for block, _ in tables.table_blocks([str(file)], rows=rows):
        counted.add(block)
    expected = duckdb.sql(COUNTS.format(file=file)).fetchall()
    found = [
        (i, counted.first.of(i), counted.among.of(i), counted.pictures_first.of(i), counted.pictures_among.of(i))
        for i in counted.among.ranked
    ]
    assert sorted(found) == sorted(expected)
    assert [i for i, *_ in expected if counted.first.of(i)] == counted.first.ranked
    whole = f"select count(distinct image), count(*) from '{file}' where error is null"
    ((pictures, entries),) = duckdb.sql(whole).fetchall()
    failed = duckdb.sql(f"select image, error from '{file}' where error is not null").fetchall()
    assert (counted.pictures, counted.entries, counted.incomplete) == (pictures, entries, 0)
    assert counted.failures == failed
    assert counted.failed == len(failed) == 8


def test_outliers_are_counted_as_duckdb_counts_them(file):
    counted = build_atlas(AtlasOptions((str(file),))).counts
    expected = duckdb.sql(f"""
        with shaped as (select *, max(row) over g + 1 as rows, max(col) over g + 1 as cols from '{file}'
                        where row is not null window g as (partition by image, grid))
        select rows, cols, row * cols + col, count(*) filter (abs(z) > {THRESHOLD}), count(*),
               count(distinct image), count(distinct (image, grid)) from shaped group by rows, cols, row, col
    """).fetchall()
    assert sum(wild for _, _, _, wild, *_ in expected) > 0
    assert sum(tally.shape.size for tally in counted.shapes) == len(expected)
    for rows, cols, at, wild_, there, pictures, views in expected:
        tally = counted.tallies[GridShape("token", rows, cols)]
        assert (tally.counts[at], tally.there[at], tally.pictures, tally.views) == (wild_, there, pictures, views)


def plain_examples(asked: AtlasOptions, rows: int) -> tuple[WordExamples, ...]:
    """The examples of an atlas that counts all words before it collects any."""
    files, counted = tables.table_files(asked.names), AtlasCounts()
    for block, _ in tables.table_blocks(files, rows=rows):
        counted.add(block)
    chosen = choose_words(counted, asked.k, asked.words, asked.fold)
    words = *chosen.most_frequent, *chosen.sought
    collector = ExampleCollector(words, asked.patches)
    for block, _ in tables.table_blocks(files, rows=rows):
        collector.add(block)
    add_rows(chosen, files)
    return words


def with_ids(number: int, ids: np.ndarray) -> ImageReport:
    """A picture of 4 × 6 tokens with these words; of every three, two are spellings of one."""
    one = seen(number, 4, 6)
    texts = {id_: f"{'Ww'[id_ % 3 == 0]}{id_ // 3}{'x' * (id_ % 3 == 2)}" for id_ in range(99)}
    words = {"ids": ids, "k": 3, "pieces": {id_: f"▁{text}" for id_, text in texts.items()}, "texts": texts}
    scores = -np.sort(np.random.default_rng(number).integers(0, 9, ids.shape) / 8, axis=1)
    return replace(one, words=msgspec.structs.replace(one.words, scores=scores, **words))


@pytest.mark.parametrize(("k", "words", "fold"), [(1, (), False), (3, ("W7", "w3x", "no"), True), (50, ("w1",), False)])
@pytest.mark.parametrize("order", ["mixed", "sorted", "late"])
def test_examples_collected_while_counting_are_those_of_a_second_pass(tmp_path, monkeypatch, order, k, words, fold):
    """Also where a sample of the tables lacks the most frequent word, which then needs that pass."""
    rng = np.random.default_rng(5)
    ids = np.minimum(rng.pareto(1.0, (36, 24, 3)) * 5, 95).astype(int)
    if order == "sorted":
        ids = (ids + 2 * np.arange(36)[:, None, None]) % 96
    if order == "late":
        ids = rng.integers(0, 90, ids.shape)
        ids[-3:] = 98, 97, 3
    pictures = [with_ids(number, of_picture) for number, of_picture in enumerate(ids)]
    for number, part in enumerate((pictures[:9], pictures[9:])):
        file = write(part, tmp_path / f"{number}.parquet")
        pq.write_table(pq.read_table(file), file, row_group_size=10)
    monkeypatch.setattr(summary, "table_blocks", partial(tables.table_blocks, rows=70))
    asked, steps = AtlasOptions((str(tmp_path),), k=k, patches=4, words=words, fold=fold), []
    found, expected = build_atlas(asked, lambda progress: steps.append(progress.doing)).words, plain_examples(asked, 70)
    for word, other in zip((*found.most_frequent, *found.sought), expected, strict=True):
        np.testing.assert_equal(vars(word), vars(other))
    if k == 1 and order != "sorted":
        assert ("searching for patches" in steps) == (order == "late")


@pytest.mark.parametrize("rows", [3, 16_384])
def test_patches_most_like_a_word_are_those_of_duckdb(file, rows):
    asked = AtlasOptions((str(file),), k=3, patches=6, words=("SKY", "mountains", "nothing"))
    found = build_atlas(asked).words
    assert [chosen.ids for chosen in found.sought] == [(0, 1), (10,), ()]
    again = plain_examples(asked, rows)
    for chosen in again:
        among = ", ".join(map(str, (*chosen.ids, -1)))
        expected = duckdb.sql(f"""
            select min(place), arg_min(w.score, place), image, index
            from (select image, index, unnest(words) as w, generate_subscripts(words, 1) - 1 as place from '{file}')
            where w.id in ({among}) group by image, index order by 1, 2 desc limit 6
        """).fetchall()
        found_ = [(one.place, one.score, one.row["image"], one.row["index"]) for one in chosen.patches]
        assert found_ == expected
    assert [c.patches for c in (*found.most_frequent, *found.sought)] == [c.patches for c in again]
    assert found.sought[2].patches == []


def test_a_word_asked_for_is_meant_in_the_spellings_that_lists_fold():
    names = {0: ("▁Maß", "Maß"), 1: ("▁mass", "mass"), 2: ("Mass", "Mass"), 3: (None, None), 4: ("sky</w>", "sky")}
    counts = AtlasCounts(names=names)
    chosen = choose_words(counts, 0, ("MASS", " maß", "∅", "Sky", "▁mass")).sought
    assert [one.ids for one in chosen] == [(1, 2), (0,), (), (4,), (1,)]


def test_spellings_of_a_frequent_word_are_one_as_duckdb_folds_them(file):
    """▁sky and sky are one word: an entry, and an image, that has both counts once."""
    atlas = build_atlas(AtlasOptions((str(file),), k=99, patches=3, fold=True))
    expected = duckdb.sql(f"""
        with told as (select image as picture, index, unnest(words) as w, generate_subscripts(words, 1) as place
                      from '{file}' where error is null and kind <> 'newline'),
        named as (select *, coalesce(lower(trim(replace(w.piece, '▁', ' '))), '∅ ' || w.id) as name from told)
        select count(*) filter (place = 1), count(distinct (picture, index)),
               count(distinct picture) filter (place = 1), count(distinct picture), list_sort(list_distinct(list(w.id)))
        from named group by name having count(*) filter (place = 1) > 0 order by 1 desc
    """).fetchall()
    most = atlas.words.most_frequent
    found = [(w.first, w.among, w.pictures_first, w.pictures_among, sorted(w.ids)) for w in most]
    assert sorted(found) == sorted(expected)
    assert [w.first for w in most] == sorted((w.first for w in most), reverse=True)
    first = atlas.counts.first
    assert all(list(w.ids) == sorted(w.ids, key=lambda id_: (-first.of(id_), id_)) for w in most)
    (sky,) = [w for w in most if len(w.ids) > 1]
    assert sky.among < sum(map(atlas.counts.among.of, sky.ids))


def test_a_patch_that_says_it_first_stands_before_one_of_a_higher_score(tmp_path):
    """Under l2 a short vector is nearer to every word: it is not what a word is most like."""
    one = seen(0, 1, 2)
    one.words.ids[:] = (3, 4, 0, 1, 2), (4, 3, 0, 1, 2)
    one.words.scores[:] = [np.arange(5) * -0.1, np.arange(5) * -0.1 - 5]  # the short one first
    asked = AtlasOptions((str(write([one], tmp_path / "a.parquet")),), k=2)
    patches = {
        chosen.ids[0]: [p.row["index"] for p in chosen.patches] for chosen in build_atlas(asked).words.most_frequent
    }
    assert (patches[3], patches[4]) == ([0, 1], [1, 0])


def test_where_a_word_is_said(tmp_path):
    """Grids of other sizes lie over each other, each cell's part where it is."""
    pictures = [seen(number, *shape) for number, shape in enumerate(((3, 4), (5, 5), (12, 1)))]
    file = write(pictures, tmp_path / "a.parquet")
    atlas = build_atlas(AtlasOptions((str(file),), k=20, words=("red",)))
    for chosen, any_ in [*((one, False) for one in atlas.words.most_frequent), (atlas.words.sought[0], True)]:
        said, there = np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE))
        for picture, (rows, cols) in zip(pictures, ((3, 4), (5, 5), (12, 1)), strict=True):
            ids = picture.words.ids if any_ else picture.words.ids[:, :1]
            hits = [divmod(i, cols) for i in np.flatnonzero(np.isin(ids, chosen.ids).any(axis=1)).tolist()]
            cells = rows * cols / SIDE**2
            said += shares(rows, cols, hits, SIDE) * cells
            there += cells
        np.testing.assert_allclose(chosen.shares, said / there, atol=1e-12)


def test_a_position_that_repeats(tmp_path):
    pictures = [wild(seen(number, 6, 6), 13) for number in range(12)]
    atlas = build_atlas(AtlasOptions((str(write(pictures, tmp_path / "a.parquet")),)))
    (tally,) = atlas.counts.shapes
    assert tally.counts[13] == 12
    assert np.argmax(tally.counts) == 13


def test_newlines_are_no_words_and_queries_have_no_place(tmp_path):
    from vlmtui.geometry import Place

    places = tuple(Place(i, "newline" if i == 3 else "query", None, None, None, None, 0.0, ()) for i in range(8))
    pictures = [seen(number, 2, 4, places=places) for number in range(4)]
    atlas = build_atlas(AtlasOptions((str(write([wild(one, 6) for one in pictures], tmp_path / "a.parquet")),)))
    assert atlas.counts.entries == 4 * 7
    (tally,) = atlas.counts.shapes
    assert tally.shape == GridShape("query", 7, 1)
    assert tally.counts.tolist() == [0, 0, 0, 0, 0, 4, 0]
    assert np.isnan(atlas.words.most_frequent[0].shares).all()


def test_pictures_with_rows_left_out_have_no_places(tmp_path):
    whole = seen(0, 4, 4)
    some = replace(seen(1, 4, 4), query=query_of("tiny")).narrowed(np.arange(16) % 3 == 0)
    atlas = build_atlas(AtlasOptions((str(write([whole, some], tmp_path / "a.parquet")),)))
    assert atlas.counts.incomplete == 1
    assert atlas.counts.entries == 16 + 6
    (tally,) = atlas.counts.shapes
    assert (tally.pictures, tally.there.tolist()) == (1, [1] * 16)


def test_a_picture_twice_in_a_row_is_two(tmp_path):
    one = seen(0, 3, 4)
    counted = build_atlas(AtlasOptions((str(write([one, one], tmp_path / "a.parquet")),))).counts
    assert (counted.pictures, counted.incomplete) == (2, 0)
