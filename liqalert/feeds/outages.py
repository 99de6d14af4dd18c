"""What went wrong with a connection, in one sentence for a person who is no programmer."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

import aiohttp

from liqalert.feeds.liveness import Outage

TRANSPORT_ERRORS = (aiohttp.ClientError, OSError, TimeoutError)
"""All that connecting to an exchange is expected to raise."""


class FeedLost(Exception):
    """A connection that was made brings nothing any more."""

    def __init__(self, outage: Outage) -> None:
        super().__init__(outage.sentence)
        self.outage = outage


def silent(exchange: str, silence_s: float, *, heard_before: bool) -> Outage:
    """No mark for `silence_s`. An address without its route connects and is silent for ever, so name it."""
    name = exchange.capitalize()
    if heard_before:
        return Outage(f"{name} sent no mark price for {silence_s:g} s")
    return Outage(
        f"{name} accepted the connection but sent no mark price within {silence_s:g} s",
        f"check that {exchange}.ws_url names the route that carries market data; liqalert keeps trying",
    )


def slept(slept_s: float) -> Outage:
    """The machine was suspended."""
    return Outage(f"this machine slept for {slept_s:.0f} s")


def closed(exchange: str, code: int | None) -> Outage:
    reason = (
        "the connection broke" if code in (None, 1006) else f"{exchange.capitalize()} closed the connection ({code})"
    )
    return Outage(reason)


def explain(exc: BaseException, exchange: str, *, connect_s: float) -> Outage:
    """The outage behind FeedLost or one of TRANSPORT_ERRORS."""
    name = exchange.capitalize()
    match exc:
        case FeedLost():
            return exc.outage
        case aiohttp.WSServerHandshakeError():
            return _refusal(exc.status, exc.headers or {}, exchange)
        case aiohttp.ClientConnectorDNSError():
            return Outage(f"the name {exc.host} could not be resolved", "check this machine's network and DNS")
        case aiohttp.ClientConnectorCertificateError():
            return _untrusted(exc.certificate_error, exc.host)
        case aiohttp.ClientSSLError():
            return Outage(f"no trusted TLS connection to {exc.host}", "check this machine's clock and certificates")
        case aiohttp.InvalidURL():
            return Outage("the address cannot be used", f"correct {exchange}.ws_url")
        case aiohttp.ClientConnectorError():
            return Outage(f"{exc.host}:{exc.port} cannot be reached ({exc.strerror or 'no reason given'})")
        case TimeoutError():
            return Outage(f"{name} did not answer within {connect_s:g} s")
        case _:
            return Outage(f"the connection to {name} failed ({type(exc).__name__})")


def _untrusted(exc: Exception, host: str) -> Outage:
    """Why the certificate at `host` is not believed. There is no setting that would make liqalert believe it."""
    match exc.verify_code if isinstance(exc, ssl.SSLCertVerificationError) else None:
        case 9:
            return Outage(f"the certificate of {host} is not valid yet", "check this machine's clock")
        case 10:
            return Outage(f"the certificate of {host} has expired", "check this machine's clock and the address")
        case 62 | 64:
            return Outage(
                f"the certificate at {host} belongs to another name",
                "check the address, and whether this network puts itself in between",
            )
        case _:
            return Outage(
                f"the certificate of {host} is signed by nobody this machine trusts",
                "check whether this network puts itself in between; an authority of your own is named by SSL_CERT_FILE",
            )


def _refusal(status: int, headers: Mapping[str, str], exchange: str) -> Outage:
    name = exchange.capitalize()
    if status == 451:
        return Outage(
            f"{name} does not serve this country (HTTP 451)",
            f"run liqalert on a server in a country that {name} serves; liqalert tries again ever more rarely, "
            "at least once an hour",
            refused=True,
        )
    if status == 403:
        return Outage(
            f"{name}'s firewall turns this network address away (HTTP 403)",
            "wait, or use another network address; liqalert tries again ever more rarely, at least once an hour",
            refused=True,
        )
    return Outage(f"{name} answered HTTP {status}", retry_after_s=retry_after_s(headers.get("Retry-After")))


def retry_after_s(value: str | None) -> float:
    """Seconds to wait from a Retry-After header, at most an hour; 0 without one. Dates are not understood: 60."""
    if value is None:
        return 0.0
    return min(float(value), 3600.0) if value.isascii() and value.isdigit() else 60.0
