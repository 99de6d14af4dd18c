"""Binance's messages as typed rows. What each field means, and the evidence, is in MAPPING.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta, Raw, Struct

Price = Annotated[float, Meta(gt=0, le=1e12)]
Quantity = Annotated[float, Meta(gt=0, le=1e15)]
# The bounds also refuse what lax decoding of numbers in text lets through: "nan", "inf", "-1".
PriceOrZero = Annotated[float, Meta(ge=0, le=1e12)]
QuantityOrZero = Annotated[float, Meta(ge=0, le=1e15)]
Milliseconds = Annotated[int, Meta(gt=10**12, lt=10**13)]
"""2001 to 2286, so that seconds or microseconds in a field of milliseconds are refused instead of believed."""
Symbol = Annotated[str, Meta(min_length=1, max_length=64)]
OrderSide = Literal["SELL", "BUY"]
NotCoinMargined = Literal[0, 1]
"""Values of `st`: not given, USD-M."""


class Order(Struct, frozen=True, gc=False):
    """The forced order inside a `forceOrder`: the fields that decide, under Binance's names."""

    s: Symbol
    S: OrderSide
    ap: Price
    z: Quantity
    T: Milliseconds
    st: int = 0


class ForceOrder(Struct, frozen=True, gc=False, tag_field="e", tag="forceOrder"):
    o: Order
    st: int = 0


class MarkUpdate(Struct, frozen=True, gc=False, tag_field="e", tag="markPriceUpdate"):
    s: Symbol
    p: Price
    E: Milliseconds = 0
    """0 where the frame has none."""


Row: TypeAlias = ForceOrder | MarkUpdate
Decoded: TypeAlias = tuple[Sequence[Row], tuple[str, ...]]
"""The rows of a frame, and one kind for each row that was refused."""


class Wrapped(Struct, gc=False):
    data: Row | list[Row]


class UsdOrder(Order, frozen=True, gc=False):
    """Of a USD-M contract."""

    st: NotCoinMargined = 0


class UsdForceOrder(Struct, frozen=True, gc=False, tag_field="e", tag="forceOrder"):
    o: UsdOrder
    st: NotCoinMargined = 0


class WrappedUsdForceOrder(Struct, gc=False):
    data: UsdForceOrder


class _LooseFrame(Struct):
    """Any object of Binance's, nothing looked at yet. A missing field is an empty Raw."""

    data: Raw = Raw()
    e: Raw = Raw()
    E: Raw = Raw()
    T: Raw = Raw()
    st: Raw = Raw()
    s: Raw = Raw()
    p: Raw = Raw()
    o: Raw = Raw()
    result: Raw = Raw()
    error: Raw = Raw()
    code: Raw = Raw()


class _LooseOrder(Struct):
    s: Raw = Raw()
    S: Raw = Raw()
    q: Raw = Raw()
    p: Raw = Raw()
    ap: Raw = Raw()
    z: Raw = Raw()
    T: Raw = Raw()
    st: Raw = Raw()


class Refused(Exception):
    """A row that cannot be understood; `kind` is what it is counted as."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""All that decoding bytes from outside can raise: invalid UTF-8 and deep nesting have errors of their own."""

IN_A_WRAPPER = b'{"stream"'[2]
"""The third byte of a combined stream's frames, and of no other that is as expected: one look tells them apart."""
decode_wrapped = msgspec.json.Decoder(Wrapped, strict=False).decode
"""The row or rows of a frame in which every one is as expected, in the wrapper. Raises UNREADABLE for others."""
decode_bare: Callable[[bytes], Row | list[Row]] = msgspec.json.Decoder(Row | list[Row], strict=False).decode
"""The same without the wrapper."""
decode_wrapped_usd = msgspec.json.Decoder(WrappedUsdForceOrder, strict=False).decode
"""One liquidation of a USD-M contract, in the wrapper. Raises UNREADABLE for everything else."""
decode_bare_usd = msgspec.json.Decoder(UsdForceOrder, strict=False).decode
"""The same without the wrapper."""
_decode_row = msgspec.json.Decoder(Row, strict=False).decode
_NOT_JSON_NUMBERS = re.compile(rb"(?<=[:\[,\s])-?(?:NaN|Infinity)(?=[\s,\]}])")


def decode_row_by_row(frame: bytes) -> Decoded:
    """The rows of any frame, taken apart so that one bad row loses only itself. Never raises: what is no row is counted
    by kind.
    """
    rows: list[Row] = []
    refused: list[str] = []
    try:
        parts = _parts(frame)
    except UNREADABLE:
        return (), ("malformed",)
    for part in parts:
        try:
            rows += _rows(part)
        except Refused as exc:
            refused.append(exc.kind)
        except msgspec.ValidationError:
            refused.append("bad_value")
        except UNREADABLE:
            refused.append("malformed")
    return rows, tuple(refused)


def _parts(frame: bytes) -> list[Raw]:
    """The single messages of a frame, outside the wrapper and the array. Raises UNREADABLE."""
    try:
        content = msgspec.json.decode(frame, type=Raw)
    except UNREADABLE:
        # Many JSON writers put out a bare NaN, which is not JSON: it must not cost the rest of the array.
        content = msgspec.json.decode(_NOT_JSON_NUMBERS.sub(b"null", frame), type=Raw)
    content = _unwrapped(content)
    return msgspec.json.decode(content, type=list[Raw]) if _is_array(content) else [content]


def _unwrapped(content: Raw) -> Raw:
    if _is_array(content):
        return content
    frame = msgspec.json.decode(content, type=_LooseFrame)
    return frame.data if _given(frame.data) else content


def _is_array(content: Raw) -> bool:
    return bytes(content).lstrip()[:1] == b"["


def _given(raw: Raw) -> bool:
    return len(bytes(raw)) > 0


def _rows(part: Raw) -> tuple[Row, ...]:
    """The row in `part`; none when it says only something about the connection. Raises Refused or UNREADABLE."""
    with suppress(*UNREADABLE):
        return (_decode_row(part),)
    return _loose_rows(part)


def _loose_rows(part: Raw) -> tuple[Row, ...]:
    if not bytes(part).lstrip().startswith(b"{"):
        raise Refused("malformed")
    loose = msgspec.json.decode(part, type=_LooseFrame)
    if not _given(loose.e):
        return _no_event(loose)
    match _value(loose.e, str):
        case "forceOrder":
            return (_force_order(loose),)
        case "markPriceUpdate":
            return (MarkUpdate(_value(loose.s, Symbol), _value(loose.p, Price), _value(loose.E, Milliseconds, 0)),)
        case "serverShutdown":  # the connection ends soon, and is then made anew
            return ()
        case _:
            raise Refused("unknown_event")


def _no_event(loose: _LooseFrame) -> tuple[Row, ...]:
    if _given(loose.error) or _given(loose.code):
        raise Refused("exchange_error")
    if _given(loose.result):
        return ()
    raise Refused("unknown_event")


def _force_order(loose: _LooseFrame) -> ForceOrder:
    """The row with the fallbacks of MAPPING.md applied: afterwards `ap` and `z` are what is to be multiplied."""
    order = msgspec.json.decode(loose.o, type=_LooseOrder) if _given(loose.o) else _LooseOrder()
    average = _value(order.ap, PriceOrZero, 0.0)
    filled = _value(order.z, QuantityOrZero, None)
    if filled == 0.0:
        raise Refused("unfilled")
    if not average:
        average, filled = _value(order.p, Price), None
    if filled is None:
        filled = _value(order.q, Quantity)
    traded = order.T if _given(order.T) else loose.E
    return ForceOrder(
        o=Order(
            s=_value(order.s, Symbol),
            S=_order_side(order.S),
            ap=average,
            z=filled,
            T=_value(traded, Milliseconds),
            st=_value(order.st, int, 0),
        ),
        st=_value(loose.st, int, 0),
    )


def _order_side(raw: Raw) -> OrderSide:
    try:
        side: OrderSide = _value(raw, OrderSide)
    except msgspec.ValidationError:
        raise Refused("unknown_side") from None
    return side


_REQUIRED: Any = object()


def _value(raw: Raw, kind: Any, default: Any = _REQUIRED) -> Any:
    """`raw` as `kind`. A missing field is `default`, or a bad value; "" and null are always bad values."""
    if _given(raw):
        return msgspec.json.decode(raw, type=kind, strict=False)
    if default is _REQUIRED:
        raise Refused("bad_value")
    return default
