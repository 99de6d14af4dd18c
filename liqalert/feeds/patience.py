"""How long a feed and its connections wait for what."""

from __future__ import annotations

from dataclasses import dataclass, field

from liqalert.feeds.backoff import Backoff


@dataclass(frozen=True, slots=True)
class Patience:
    """In seconds."""

    silence_s: float = 5.0
    """Without a mark for so long, a connection and a feed are not alive, whatever the socket says."""
    connect_s: float = 10.0
    heartbeat_s: float = 20.0
    """After so much silence a ping is sent, so that a half-open connection is noticed."""
    lifetime_s: float = 23 * 3600.0
    """Binance cuts a connection after 24 h: better a moment of our choosing."""
    first_lifetime_s: float = 12 * 3600.0
    """Of the first of several connections: so that their ends never coincide."""
    settled_s: float = 60.0
    """A connection alive for so long has made up for the failures before it."""
    late_s: float = 60.0
    """From which latency on nothing that comes can be taken to be of now."""
    report_s: float = 1.0
    backoff: Backoff = field(default_factory=Backoff)
