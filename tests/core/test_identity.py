"""Property P14: the same cluster keeps its id, and no id is ever used twice."""

from __future__ import annotations

import base64
import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqalert.core.engine import Engine
from liqalert.core.identity import Identity, Shared, identify, short_id
from liqalert.core.market import Liquidation
from tests.core import reference
from tests.core.events import T0, TERMS, liquidation

bursts = st.lists(
    st.lists(st.tuples(st.integers(950, 1050), st.integers(1, 10**6), st.integers(0, 40)), max_size=6),
    min_size=1,
    max_size=25,
)


def batches(bursts: list[list[tuple[int, int, int]]]) -> list[list[Liquidation]]:
    return [
        [liquidation(float(price), float(usd), T0 + 600 * step + second) for price, usd, second in burst]
        for step, burst in enumerate(bursts)
    ]


def run(stream: list[list[Liquidation]]) -> list[list[str]]:
    engine, ids = Engine(TERMS), []
    for step, batch in enumerate(stream):
        now = T0 + 600 * step + 45
        for one in batch:
            engine.add(one, now)
        ids.append([cluster.id for cluster in engine.tick(now)[0].clusters(now)])
    return ids


@given(bursts)
def test_p14_replay_gives_the_same_ids(stream: list[list[tuple[int, int, int]]]) -> None:
    assert run(batches(stream)) == run([list(reversed(batch)) for batch in batches(stream)])


@given(bursts)
def test_p14_an_id_never_returns_and_is_never_shared(stream: list[list[tuple[int, int, int]]]) -> None:
    gone: set[str] = set()
    before: set[str] = set()
    for ids in run(batches(stream)):
        assert len(ids) == len(set(ids))
        assert not gone & set(ids)
        gone |= before - set(ids)
        before = set(ids)


@given(bursts, st.integers(0, 24), st.integers(1, 10**6))
def test_p14_an_added_event_changes_ids_only_among_what_it_is_connected_to(
    stream: list[list[tuple[int, int, int]]], step: int, usd: int
) -> None:
    """A second group, 20 % away from the first, keeps its ids whatever comes to the first."""
    far = [[(price + 250, amount, second) for price, amount, second in burst] for burst in stream]
    both = [near + away for near, away in zip(stream, far, strict=True)]
    added = [[*burst, (1000, usd, 1)] if number == step else burst for number, burst in enumerate(both)]

    assert far_ids(batches(added)) == far_ids(batches(both))


def far_ids(stream: list[list[Liquidation]]) -> list[list[str]]:
    engine, ids = Engine(TERMS), []
    for step, batch in enumerate(stream):
        now = T0 + 600 * step + 45
        for one in batch:
            engine.add(one, now)
        clusters = engine.tick(now)[0].clusters(now)
        ids.append([cluster.id for cluster in clusters if cluster.price_low > 1150])
    return ids


@given(st.text(), st.floats())
def test_a_short_id_is_a_hash_in_base_32(text: str, number: float) -> None:
    digest = hashlib.blake2b(f"{text}\x1f{number!r}".encode(), digest_size=5).digest()

    assert short_id(text, number) == base64.b32encode(digest).decode().lower()


pairs = st.dictionaries(st.tuples(st.integers(0, 4), st.integers(0, 4)), st.integers(1, 5).map(float), max_size=12)


families = st.tuples(
    pairs,
    st.lists(st.integers(0, 5), min_size=5, max_size=5),
    st.lists(st.integers(0, 2), min_size=5, max_size=5),
)
"""What is shared, what each new cluster holds beside, and when each old one was born. Few values: many are equal."""


@given(st.lists(families, min_size=1, max_size=4), st.booleans())
def test_ids_go_to_the_heirs_of_the_plain_version(
    families: list[tuple[dict[tuple[int, int], float], list[int], list[int]]], unequal: bool
) -> None:
    if unequal:
        families = [
            ({pair: weight + 0.01 * number for number, (pair, weight) in enumerate(shared.items())}, newcomers, births)
            for shared, newcomers, births in families
        ]
    previous = [
        tuple(Identity(f"{side}old{number}", T0 + birth) for number, birth in enumerate(births))
        for side, (_, _, births) in enumerate(families)
    ]
    weights = [
        [more + sum(weight for (_, to), weight in shared.items() if to == new) for new, more in enumerate(newcomers)]
        for shared, newcomers, _ in families
    ]
    found = {
        side: list(identities)
        for side, identities in identify(
            joined_pairs([shared for shared, _, _ in families]),
            np.concatenate(weights),
            previous=previous,
            now=T0 + 9,
            new_id=lambda side, new: f"{side}new{new - 5 * side}",
        )
    }

    for side, (shared, _, _) in enumerate(families):
        if side not in found:
            assert shared.keys() == {(each, each) for each in range(5)}
            continue
        heirs = reference.heirs(shared, weights[side], [(each.born_at, each.id) for each in previous[side]])
        expected = [Identity(f"{side}new{new}", T0 + 9, parent(shared, new, heirs, side)) for new in range(5)]
        for old, new in heirs.items():
            expected[new] = previous[side][old]
        assert found[side] == expected


def parent(shared: dict[tuple[int, int], float], new: int, heirs: dict[int, int], side: int) -> str | None:
    """The living cluster that most of a new one was in."""
    givers = [(weight, old) for (old, to), weight in shared.items() if to == new and old in heirs]
    return f"{side}old{max(givers)[1]}" if givers else None


def joined_pairs(families: list[dict[tuple[int, int], float]]) -> Shared:
    """Five old and five new clusters each."""
    pairs = sorted(
        (side, new, old, weight) for side, family in enumerate(families) for (old, new), weight in family.items()
    )
    sides, news, olds, weights = np.array(pairs, np.float64).reshape(-1, 4).T
    five = np.full(len(families), 5)
    return Shared(sides.astype(int), olds.astype(int), news.astype(int), weights, five, five)


@pytest.mark.parametrize(
    ("first", "second", "heir"),
    [((1, "b"), (2, "a"), "b"), ((2, "a"), (1, "b"), "b"), ((1, "b"), (1, "a"), "a"), ((1, "a"), (1, "b"), "a")],
)
def test_of_two_that_have_as_much_in_common_with_a_new_cluster_the_older_passes_its_id_on(
    first: tuple[int, str], second: tuple[int, str], heir: str
) -> None:
    one, two = np.array([1]), np.array([2])
    shared = Shared(np.array([0, 0]), np.array([0, 1]), np.array([0, 0]), np.array([3.0, 3.0]), two, one)
    previous = [[Identity(id_, T0 + birth) for birth, id_ in (first, second)]]

    [(_, [found])] = identify(shared, np.array([6.0]), previous=previous, now=T0 + 9, new_id=lambda *_: "new")

    assert found.id == heir


def test_a_growing_cluster_keeps_its_id() -> None:
    (first,), (second,) = run([[liquidation(1000.0, 5e5, T0)], [liquidation(1001.0, 9e5, T0 + 600)]])

    assert first == second


def test_a_cluster_cut_in_two_passes_its_id_to_the_heavier_part() -> None:
    """A heavy newcomer at 1,030 takes 1,015 away from the old window; what is left keeps the id by its weight."""
    engine = Engine(TERMS)
    for one in (liquidation(1000.0, 6e5, T0), liquidation(1015.0, 4e5, T0)):
        engine.add(one, T0)
    (old,) = engine.tick(T0)[0].clusters(T0)
    engine.add(liquidation(1030.0, 9e5, T0), T0)

    low, high = engine.tick(T0 + 5)[0].clusters(T0 + 5)

    assert (low.id, low.price_high) == (old.id, 1000.0)
    assert (high.split_from, high.price_low) == (old.id, 1015.0)
