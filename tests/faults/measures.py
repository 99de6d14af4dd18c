"""What a case may lose, repeat and take, what was measured, and where the two differ. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

GAP_SLACK_S = 5.0
"""How much longer than the blindness a gap may be: it runs from the last mark or heartbeat to the next mark."""


class Loss(StrEnum):
    """What may be lost of the liquidations that the exchange has sent."""

    NONE = "none"
    """And no gap may be in the ledger: nothing was missed, so nothing is to be claimed missed."""
    GAP = "the gap"
    """What lies in a gap of the ledger, and the ledger's gap is no longer than the blindness."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """The bounds of a case. Times are in seconds; None where nothing of the kind is due."""

    loss: Loss = Loss.NONE
    repeated: int = 0
    """Alerts that come again: those whose delivery was in flight."""
    noticed_s: float | None = None
    told_s: float | None = None
    recovered_s: float | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """What only one case is about, and its bounds."""

    what: str
    value: float
    least: float = 0.0
    most: float | None = None
    """None: without a bound."""

    def __str__(self) -> str:
        return f"{self.what}: {self.value:.3g}"

    @property
    def bounds(self) -> str:
        if self.most is None:
            return f"{self.least:g} or more"
        return f"exactly {self.most:g}" if self.least == self.most else f"{self.least:g} to {self.most:g}"

    @property
    def within_bounds(self) -> bool:
        return self.least <= self.value and (self.most is None or self.value <= self.most)


@dataclass(frozen=True, slots=True)
class Measured:
    """What became of one case."""

    events_sent: int = 0
    events_lost: int = 0
    events_unexplained: int = 0
    """Lost, and in no gap of the ledger."""
    gap_s: float = 0.0
    """All gaps of the ledger together."""
    blind_s: float = 0.0
    """From the fault's beginning to the recovery."""
    alerts_owed: int = 0
    alerts_lost: int = 0
    alerts_repeated: int = 0
    noticed_s: float | None = None
    told_s: float | None = None
    recovered_s: float | None = None
    facts: tuple[Fact, ...] = ()
    error: str | None = None
    """Why the case could not be played to its end."""


def breaches(allowed: Allowed, measured: Measured) -> tuple[str, ...]:
    """Where `measured` goes beyond what is `allowed`, a sentence each; empty when all is well."""
    return tuple(_breaches(allowed, measured))


def _breaches(allowed: Allowed, measured: Measured) -> Iterator[str]:
    if measured.error is not None:
        yield f"not played to its end: {measured.error}"
        return
    yield from _of_events(allowed, measured)
    if measured.alerts_lost:
        yield f"{measured.alerts_lost} of {measured.alerts_owed} alerts never came"
    if measured.alerts_repeated > allowed.repeated:
        yield f"{measured.alerts_repeated} alerts came again, {allowed.repeated} may"
    for what in ("noticed", "told", "recovered"):
        limit, took = getattr(allowed, f"{what}_s"), getattr(measured, f"{what}_s")
        if limit is not None and took is None:
            yield f"never {what}"
        elif limit is not None and took > limit:
            yield f"{what} after {took:.1f} s, {limit:g} s are allowed"
    for fact in measured.facts:
        if not fact.within_bounds:
            yield f"{fact}, allowed is {fact.bounds}"


def _of_events(allowed: Allowed, measured: Measured) -> Iterator[str]:
    lost, unexplained = measured.events_lost, measured.events_unexplained
    if allowed.loss is Loss.NONE and lost:
        yield f"{lost} of {measured.events_sent} liquidations lost, {unexplained} of them in no gap"
    elif unexplained:
        yield f"{unexplained} of {lost} lost liquidations lie in no gap of the ledger"
    longest_s = 0.0 if allowed.loss is Loss.NONE else measured.blind_s + GAP_SLACK_S
    if measured.gap_s > longest_s:
        yield f"the ledger's gap is {measured.gap_s:.1f} s long, {longest_s:.1f} s at most are true"
