"""A backtest over recordings, or over files of bare exchange messages."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from io import StringIO
from pathlib import Path

from tqdm import tqdm

from liqalert.app.backtest.collector import Collector
from liqalert.app.replay import Hooks, ReplayOptions, ReplayRun, tell_of_lost
from liqalert.core.market import Instrument
from liqalert.feeds.records import PriceSource, open_records
from liqalert.settings import Settings


def over_files(
    paths: Sequence[Path],
    instruments: Sequence[Instrument],
    collector: Collector,
    *,
    settings: Settings,
    open_interest: Mapping[str, float],
) -> PriceSource:
    """Shows `collector` everything in `paths`; where its prices came from. Raises UnreadableRecords."""
    source = open_records(paths)
    options = ReplayOptions(
        tuple(paths), speed=None, as_json=False, open_interest=open_interest, settings=settings, overridden=True
    )
    hooks = Hooks(
        rules=collector.watch(instruments),
        decide=collector.decide,
        see=collector.see,
        feed_changed=lambda alive: collector.feed_changed(alive=alive),
    )
    run = ReplayRun(options, source.prices, StringIO(), hooks)
    bar = tqdm(total=source.total_bytes, unit="B", unit_scale=True, file=sys.stderr, disable=not sys.stderr.isatty())
    with closing(bar):
        for record in source.records():
            run.take(record)
            bar.update(source.read_bytes() - bar.n)
    tell_of_lost(source)
    return source.prices
