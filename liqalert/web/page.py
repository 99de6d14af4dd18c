"""/: a plain page that says what this is and where the JSON lies."""

from __future__ import annotations

from html import escape
from importlib import resources

from aiohttp import web


class StaticPage:
    def __init__(self, html: str) -> None:
        self._html = html

    async def show(self, request: web.Request) -> web.Response:
        return web.Response(text=self._html, content_type="text/html")


def read_page(banner: str | None = None) -> str:
    """The page, with `banner` below its title."""
    html = resources.files("liqalert.web").joinpath("static/index.html").read_text(encoding="utf-8")
    return html.replace("</h1>", f"</h1>\n<p><strong>{escape(banner)}</strong></p>") if banner else html
