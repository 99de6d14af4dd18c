"""What is said of a connection that failed, and how long it is left alone."""

from __future__ import annotations

import ssl

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from liqalert.feeds.outages import closed, explain, retry_after_s, silent

KEY = ConnectionKey("fstream.binance.com", 443, True, True, None, None, None)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 0.0),
        ("7", 7.0),
        ("0", 0.0),
        ("3600", 3600.0),
        ("86400", 3600.0),
        ("9" * 400, 3600.0),
        ("-5", 60.0),
        ("1.5", 60.0),
        ("٣", 60.0),
        ("", 60.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 60.0),
    ],
)
def test_a_retry_after_is_heeded_up_to_an_hour(value: str | None, seconds: float) -> None:
    assert retry_after_s(value) == seconds


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (9, "not valid yet"),
        (10, "has expired"),
        (62, "belongs to another name"),
        (64, "belongs to another name"),
        (18, "signed by nobody this machine trusts"),
    ],
)
def test_why_a_certificate_is_not_believed(code: int, words: str) -> None:
    refused = ssl.SSLCertVerificationError("refused")
    refused.verify_code = code

    outage = explain(aiohttp.ClientConnectorCertificateError(KEY, refused), "binance", connect_s=10.0)

    assert words in outage.sentence
    assert "fstream.binance.com" in outage.sentence


@pytest.mark.parametrize(
    ("exc", "sentence"),
    [
        (TimeoutError(), "Binance did not answer within 10 s: liqalert keeps trying."),
        (aiohttp.InvalidURL("x"), "the address cannot be used: correct binance.ws_url."),
        (ConnectionResetError(), "the connection to Binance failed (ConnectionResetError): liqalert keeps trying."),
        (
            aiohttp.ClientConnectorError(KEY, OSError(111, None)),
            "fstream.binance.com:443 cannot be reached (no reason given): liqalert keeps trying.",
        ),
    ],
)
def test_each_failure_has_a_sentence_with_its_remedy(exc: Exception, sentence: str) -> None:
    assert explain(exc, "binance", connect_s=10.0).sentence == sentence


def test_a_connection_that_broke_is_told_from_one_that_was_closed() -> None:
    assert closed("binance", None).cause == closed("binance", 1006).cause == "the connection broke"
    assert closed("binance", 1008).cause == "Binance closed the connection (1008)"


def test_an_address_that_never_delivers_is_told_from_a_silence() -> None:
    assert "binance.ws_url" in silent("binance", 5.0, heard_before=False).remedy
    assert "ws_url" not in silent("binance", 5.0, heard_before=True).remedy
