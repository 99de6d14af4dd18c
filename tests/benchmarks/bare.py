"""Floors: the least that could be done with a frame. Typed decoding of the fields that matter, unchecked."""

from __future__ import annotations

import msgspec
from msgspec import Struct


class Order(Struct, gc=False):
    s: str
    S: str
    ap: float
    z: float
    T: int


class ForceOrder(Struct, gc=False):
    o: Order


class WrappedForceOrder(Struct, gc=False):
    data: ForceOrder


class MarkUpdate(Struct, gc=False):
    s: str
    p: float


class WrappedMarks(Struct, gc=False):
    data: list[MarkUpdate]


decode_force_order = msgspec.json.Decoder(ForceOrder, strict=False).decode
decode_wrapped_force_order = msgspec.json.Decoder(WrappedForceOrder, strict=False).decode
decode_wrapped_marks = msgspec.json.Decoder(WrappedMarks, strict=False).decode
