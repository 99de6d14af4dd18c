"""A cluster as a dict and as a row of a table, and the list that says as of when it is."""

from __future__ import annotations

import builtins
from dataclasses import FrozenInstanceError, fields
from datetime import UTC, datetime

import msgspec
import pandas
import pytest

from liqalert.library.clusters import Clusters, LiquidationCluster, ranked, to_frame
from tests.library.test_choosing import AT, cluster


def test_a_cluster_as_a_dict_is_ready_for_json() -> None:
    made = msgspec.json.decode(msgspec.json.encode(cluster("a", 96.5).to_dict()))

    assert set(made) == {field.name for field in fields(LiquidationCluster)}
    assert (made["cluster_id"], made["last_updated"]) == ("a", "2026-11-23T14:05:00+00:00")


def test_a_frame_has_a_row_for_each_cluster_and_its_columns_even_of_none() -> None:
    frame = to_frame([cluster("a", 96.5), cluster("b", 103.0)])

    assert list(frame["cluster_id"]) == ["a", "b"]
    assert frame["last_updated"].iloc[0] == pandas.Timestamp(AT)
    assert list(to_frame([]).columns) == list(frame.columns)


def test_without_pandas_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = builtins.__import__

    def without(name: str, *arguments: object) -> object:
        if name == "pandas":
            raise ImportError(name)
        return usual(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)

    with pytest.raises(ImportError, match="pip install pandas"):
        to_frame([])


def test_strength_relative_to_the_biggest_is_a_share_of_its_us_dollars() -> None:
    big, small = cluster("big", 96.0, total_notional=4e6, strength=0.2), cluster("small", 97.0, strength=0.9)

    assert [(each.cluster_id, each.strength) for each in ranked([small, big], "relative")] == [
        ("big", 1.0),
        ("small", 0.25),
    ]
    assert [each.cluster_id for each in ranked([big, small], "absolute")] == ["small", "big"]


def test_an_empty_list_says_why_it_is_empty() -> None:
    blind = Clusters(as_of=datetime(2026, 11, 23, tzinfo=UTC), problem="the cable is cut.")

    assert repr(blind) == "<0 clusters as of 2026-11-23 00:00:00+00:00, not alive: the cable is cut.: []>"


def test_a_cluster_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        cluster("a", 96.5).strength = 1.0  # type: ignore[misc]
