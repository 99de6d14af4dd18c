"""What Telegram refuses: requests that break the published method fields, the length rules, or the HTML subset."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

METHODS: dict[str, dict[str, dict[str, Any]]] = msgspec.json.decode(
    (Path(__file__).parent / "payloads" / "telegram" / "methods.json").read_bytes()
)
TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
PHOTO_LIMIT = 10 * 1024 * 1024

_TAGS = frozenset(
    [
        "b",
        "strong",
        "i",
        "em",
        "u",
        "ins",
        "s",
        "strike",
        "del",
        "code",
        "pre",
        "a",
        "span",
        "blockquote",
        "tg-spoiler",
        "tg-emoji",
    ]
)
_TAG = re.compile(r"<(/?)([a-z-]+)((?:\s+[a-z-]+(?:=\"[^\"<>]*\")?)*)\s*>", re.IGNORECASE)
_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_KINDS: dict[str, type | tuple[type, ...]] = {
    "array": list,
    "boolean": bool,
    "file": bytes,
    "integer": int,
    "number": (int, float),
    "object": dict,
    "string": str,
}


class Refused(Exception):
    """The sentence with which Telegram answers 400, without its 'Bad Request: '."""


def checked(method: str, raw: Mapping[str, object], files: Mapping[str, bytes]) -> dict[str, Any]:
    """The parameters in their JSON types. Raises Refused like the real server would, and for unknown names too."""
    fields = METHODS[method]
    unknown = sorted({*raw, *files} - fields.keys() - _attached(raw))
    if unknown:
        raise Refused(f"unknown parameter {unknown[0]!r} of {method}")
    missing = sorted(name for name, field in fields.items() if field["required"] and name not in {*raw, *files})
    if missing:
        raise Refused(f"parameter {missing[0]!r} of {method} is required")
    params = {name: _typed(name, value, fields[name]["types"]) for name, value in raw.items()}
    _check_lengths(params, files)
    return params


def plain_text(params: Mapping[str, Any], name: str, limit: int) -> str:
    """The text as the user sees it, entities resolved. Raises Refused when it is malformed or too long."""
    text = str(params.get(name, ""))
    if params.get("parse_mode") == "HTML":
        text = parse_html(text)
    # Counted in UTF-16 units, as entity offsets are: the strictest reading of "characters".
    if len(text.encode("utf-16-le")) // 2 > limit:
        raise Refused("message is too long" if name == "text" else "message caption is too long")
    return text


def parse_html(text: str) -> str:
    """The text without tags. Raises Refused where Telegram cannot parse entities."""
    shown, open_tags, position = [], [], 0
    for found in re.finditer("<", text):
        if found.start() < position:
            continue
        shown.append(text[position : found.start()])
        tag = _TAG.match(text, found.start())
        offset = len(text[: found.start()].encode())
        if tag is None or tag[2].lower() not in _TAGS:
            raise Refused(f"can't parse entities: Unsupported start tag at byte offset {offset}")
        if not tag[1]:
            open_tags.append(tag[2].lower())
        elif not open_tags or open_tags.pop() != tag[2].lower():
            raise Refused(f"can't parse entities: Unmatched end tag at byte offset {offset}")
        position = tag.end()
    if open_tags:
        raise Refused(f"can't parse entities: Can't find end tag corresponding to start tag \"{open_tags[-1]}\"")
    return html.unescape("".join([*shown, text[position:]]))


def _attached(raw: Mapping[str, object]) -> set[str]:
    """Names of uploads that a parameter refers to as attach://name."""
    return {found for value in raw.values() for found in re.findall(r"attach://(\w+)", str(value))}


def _typed(name: str, value: object, kinds: list[str]) -> object:
    for kind in sorted(kinds, key=lambda kind: kind == "string"):
        read = _read(value, kind)
        if read is not None:
            return read
    raise Refused(f"parameter {name!r} must be of type {' or '.join(kinds)}, not {value!r}")


def _read(value: object, kind: str) -> object | None:
    """`value` as `kind`; forms carry everything but text as JSON in a string. None when it is not of that kind."""
    if kind == "string":
        return value if isinstance(value, str) else None
    if kind == "file":
        return value if isinstance(value, (bytes, str)) else None
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except msgspec.DecodeError:
            return None
    wrong_bool = isinstance(value, bool) and kind != "boolean"
    return value if isinstance(value, _KINDS[kind]) and not wrong_bool else None


def _check_lengths(params: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
    for row in params.get("reply_markup", {}).get("inline_keyboard", ()):
        for button in row:
            _check_button(button)
    commands = params.get("commands", ())
    if len(commands) > 100:
        raise Refused("too many commands")
    for command in commands:
        if not _COMMAND.fullmatch(command["command"]) or not 1 <= len(command["description"]) <= 256:
            raise Refused(f"command {command!r} is invalid")
    if len(str(params.get("callback_query_id", ""))) and len(str(params.get("text", ""))) > 200:
        raise Refused("MESSAGE_TOO_LONG")
    if any(len(content) > PHOTO_LIMIT for content in files.values()):
        raise Refused("file is too big")


def _check_button(button: Mapping[str, Any]) -> None:
    if not button.get("text") or len(button) < 2:
        raise Refused("inline keyboard button needs a text and one action")
    if "callback_data" in button and not 1 <= len(str(button["callback_data"]).encode()) <= 64:
        raise Refused("BUTTON_DATA_INVALID")
