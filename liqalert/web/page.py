"""/: the page, and the files it is made of. Every one is named here: there is no directory to list or to leave."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from html import escape
from importlib import resources

from aiohttp import web

TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
FILES = (
    "style.css",
    "app.js",
    "ask.js",
    "chart.js",
    "choice.js",
    "colours.js",
    "edge.js",
    "heatmap.js",
    "live.js",
    "opened.js",
    "pins.js",
    "tables.js",
    "trust.js",
    "upgrade.js",
    "words.js",
    "icon.svg",
    "lightweight-charts.js",
    "lightweight-charts.LICENSE.txt",
)
# The hash is that of the one style that the chart library brings, for its makers' logo.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' "
    "'sha256-3pRED1tOXas1FXFoPb9TGCjmYe9XQsmO9OV23khV2nY='; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class StaticFile:
    """One file, the same for everybody: a browser that has it is told so."""

    def __init__(self, name: str, content: bytes) -> None:
        self._content = content
        self._zipped = gzip.compress(content, 9, mtime=0)
        self._type = TYPES["." + name.rpartition(".")[2]]
        self.etag = _hash(content)

    async def show(self, request: web.Request) -> web.Response:
        headers = {
            "ETag": f'"{self.etag}"',
            "Cache-Control": "no-cache",
            "Content-Security-Policy": POLICY,
            "Vary": "Accept-Encoding",
        }
        if self.etag in {each.value for each in request.if_none_match or ()}:
            return web.Response(status=304, headers=headers)
        content = self._content
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            content, headers["Content-Encoding"] = self._zipped, "gzip"
        return web.Response(body=content, content_type=self._type, charset="utf-8", headers=headers)


def static_files(banner: str | None = None) -> tuple[Mapping[str, StaticFile], str]:
    """By path, and what names just this state of them all. `banner` stands at the top of the page."""
    folder = resources.files("liqalert.web").joinpath("static")
    html = folder.joinpath("index.html").read_text(encoding="utf-8")
    html = html.replace("<!-- banner -->", f'<p class="banner" role="note">{escape(banner)}</p>' if banner else "")
    files = {f"/static/{name}": StaticFile(name, folder.joinpath(name).read_bytes()) for name in FILES}
    page = _hash("".join((html, *(file.etag for file in files.values()))).encode())
    html = html.replace('data-page=""', f'data-page="{page}"')
    return {"/": StaticFile("index.html", html.encode()), **files}, page


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:24]
