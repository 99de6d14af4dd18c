"""An authority of the tests' own, and servers' certificates signed by it."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Authority:
    """Made in `directory`, by openssl."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.file = directory / "authority.pem"
        """Its own certificate: who trusts this file trusts what it signs."""
        self._openssl(
            *("req", "-x509", *_KEY, "-keyout", "authority.key", "-out", "authority.pem", "-days", "2"),
            *("-subj", "/CN=an authority of the tests", "-addext", "keyUsage=critical,keyCertSign"),
        )

    def server(self, names: str = "IP:127.0.0.1", *, days: int = 1) -> ssl.SSLContext:
        """For a server under `names`; with `days` = -1, its certificate ended yesterday."""
        self._openssl("req", *_KEY, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=a server")
        (self._directory / "server.ext").write_text(f"subjectAltName={names}\n")
        self._openssl(
            *("x509", "-req", "-in", "server.csr", "-CA", "authority.pem", "-CAkey", "authority.key"),
            *("-CAcreateserial", "-days", str(days), "-extfile", "server.ext", "-out", "server.pem"),
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._directory / "server.pem", self._directory / "server.key")
        return context

    def trusted(self) -> ssl.SSLContext:
        """For a client that trusts this authority and no other."""
        return ssl.create_default_context(cafile=self.file)

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self._directory, check=True, capture_output=True, timeout=20)
