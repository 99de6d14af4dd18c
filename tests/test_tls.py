"""The daemon as a process before an exchange that speaks TLS, under an authority of one's own."""

from __future__ import annotations

from pathlib import Path

from tests.binance_server import BinanceServer
from tests.certificates import Authority
from tests.daemon import Daemon
from tests.telegram_server import telegram_server


async def test_authority_named_by_ssl_cert_file_is_trusted_and_no_other(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with BinanceServer(authority.server()) as binance, telegram_server() as telegram:
        binance.mark_every(0.2)
        async with Daemon(tmp_path, binance=binance, telegram=telegram) as daemon:
            unknown = await daemon.until("/readyz", lambda answer: "certificate" in str(answer["reasons"]))
            await daemon.kill()
            await daemon.start(SSL_CERT_FILE=str(authority.file))
            known = await daemon.until("/readyz", lambda answer: answer["ready"])

    assert "the certificate of 127.0.0.1 is signed by nobody this machine trusts" in str(unknown["reasons"])
    assert known["ready"]
    assert all(call.startswith(("/fapi", "/dapi")) for call in binance.rest_calls)
    assert binance.rest_calls != []
