"""Alert rules and dashboard ask only for metrics that exist, with labels that they have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from liqalert.core.market import FeedStatus, Gap, PositionSide, Stream
from liqalert.web.health import Health, Readiness
from liqalert.web.metrics import Metrics
from liqalert.web.metrics_figures import Figures
from liqalert.web.metrics_state import MetricsSources, OutboxFigures
from liqalert.web.metrics_storage import StorageFigures
from tests.web.rig import BASELINE, BTC, NOW, Rig, cluster, mark, snapshot, zone

DEPLOY = Path(__file__).parents[1] / "deploy"
RULES, DASHBOARD = DEPLOY / "prometheus-rules.yaml", DEPLOY / "grafana-dashboard.json"
NAME = re.compile(r"\b(?:liqalert|process)_[a-z_]+")
SELECTOR = re.compile(r"\b((?:liqalert|process)_[a-z_]+)\{([^}]*)\}")
FUNCTIONS = re.compile(r"\b([a-z_]+)\s*\(")
KNOWN_FUNCTIONS = {"absent", "abs", "by", "histogram_quantile", "increase", "max_over_time", "rate", "sum"}


def registry() -> CollectorRegistry:
    """Every metric that there can be, each with a sample."""
    rig = Rig()
    gap = Gap("binance", NOW - 5.0, None, "silent", Stream.ALL)
    rig.board.feed_changed(
        FeedStatus("binance", True, NOW, NOW, 0.1, 60, rejected=(("malformed", 1),), gaps=(gap,), connected=2)
    )
    rig.board.snapshot = snapshot(cluster("a"), zones=[zone()], marks=[mark()])
    figures = Figures(liquidations=(("accepted", 1),), baselines=(((BTC, PositionSide.LONG), BASELINE),))
    storage = StorageFigures(free_bytes=1_000, waiting=(("gaps", 1),), dropped=(("gaps", 1),))
    return Metrics(
        MetricsSources(
            rig.board,
            rig.clock,
            outbox=lambda: OutboxFigures(settled=(("telegram", "sent", 1),)),
            health=lambda: Health(True, caught=(("tick", 0),)),
            readiness=Readiness,
            figures=lambda: figures,
            storage=lambda: storage,
        )
    ).registry


def families() -> list[Metric]:
    return list(registry().collect())


def samples() -> dict[str, set[str]]:
    """The labels of each sample, by its name."""
    found: dict[str, set[str]] = {}
    for family in families():
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


class _Target(msgspec.Struct):
    expr: str
    legendFormat: str


class _Place(msgspec.Struct):
    x: int
    y: int
    w: int
    h: int


class _Panel(msgspec.Struct):
    id: int
    title: str
    gridPos: _Place
    targets: list[_Target]


class _Dashboard(msgspec.Struct):
    title: str
    uid: str
    panels: list[_Panel]


class _Rule(msgspec.Struct, forbid_unknown_fields=True):
    alert: str
    expr: str
    labels: dict[str, str]
    annotations: dict[str, str]
    for_: str = msgspec.field(default="0s", name="for")


class _Group(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    rules: list[_Rule]


class _Rules(msgspec.Struct, forbid_unknown_fields=True):
    groups: list[_Group]


def dashboard() -> _Dashboard:
    return msgspec.json.decode(DASHBOARD.read_bytes(), type=_Dashboard)


def rules() -> list[_Rule]:
    return [rule for group in msgspec.yaml.decode(RULES.read_bytes(), type=_Rules).groups for rule in group.rules]


def queries() -> Iterator[tuple[str, str]]:
    """Where each comes from, and the query."""
    for rule in rules():
        yield rule.alert, rule.expr
    for panel in dashboard().panels:
        for target in panel.targets:
            yield panel.title, target.expr


@pytest.mark.parametrize(("where", "query"), list(queries()))
def test_a_query_names_only_metrics_labels_and_functions_that_exist(where: str, query: str) -> None:
    known = samples()

    names = NAME.findall(query)

    assert names, where
    assert set(names) <= known.keys()
    assert set(FUNCTIONS.findall(query)) <= KNOWN_FUNCTIONS
    assert query.count("(") == query.count(")")
    for name, selector in SELECTOR.findall(query):
        assert {part.partition("=")[0].strip() for part in selector.split(",")} <= known[name]
    for grouped in re.findall(r"by \(([^)]*)\)", query):
        assert {label.strip() for label in grouped.split(",")} <= {label for name in names for label in known[name]}


def test_counters_are_asked_for_their_growth() -> None:
    """The value of a counter alone means nothing: it begins anew at every start."""
    for where, query in queries():
        for name in re.findall(r"\bliqalert_[a-z_]+_(?:total|bucket)", query):
            assert re.search(rf"(?:rate|increase)\({name}", query), where


def test_every_rule_says_what_is_wrong_and_how_bad_it_is() -> None:
    found = rules()

    assert len({rule.alert for rule in found}) == len(found) >= 10
    for rule in found:
        assert rule.labels.keys() == {"severity"}
        assert rule.labels["severity"] in ("page", "warn")
        assert rule.annotations.keys() == {"summary", "description"}
        assert re.fullmatch(r"\d+[smh]", rule.for_)


def test_labels_in_words_are_those_of_the_query() -> None:
    known = samples()
    words = [(rule.expr, " ".join(rule.annotations.values()), r"\$labels\.(\w+)") for rule in rules()]
    targets = [target for panel in dashboard().panels for target in panel.targets]
    words += [(target.expr, target.legendFormat, r"\{\{(\w+)\}\}") for target in targets]

    for query, text, label in words:
        labels = {one for name in NAME.findall(query) for one in known[name]}
        assert set(re.findall(label, text)) <= labels, query


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard().panels:
        place = panel.gridPos
        cells = {(x, y) for x in range(place.x, place.x + place.w) for y in range(place.y, place.y + place.h)}
        assert place.x + place.w <= 24
        assert not taken & cells, panel.title
        taken |= cells


def test_every_metric_says_what_it_means_and_its_unit() -> None:
    for family in families():
        assert family.documentation, family.name
        if family.name.startswith("liqalert_") and family.type == "histogram":
            assert family.name.endswith("_seconds")
