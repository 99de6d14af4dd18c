"""From a frame's bytes to our own objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from liqalert.feeds.binance import BinanceParser
from tests.benchmarks import bare
from tests.benchmarks.harness import Cost, Figure, Question, Scale, compare, cpu_us
from tests.benchmarks.inputs import T0, force_order_frames, mark_frame, prices, quotes

SAME_FIELDS = "msgspec, the same five fields"
ROUNDS = 61


def figures(scale: Scale) -> Iterator[Figure]:
    frames = scale.of(1000, 20)
    for what, wrapped, bare_decode in (
        ("decode forceOrder to Liquidation", False, bare.decode_force_order),
        ("the same in the combined stream's wrapper", True, bare.decode_wrapped_force_order),
    ):
        sent = force_order_frames(frames, T0, wrapped=wrapped)
        yield compare(
            Question(what, SAME_FIELDS, "us CPU/frame", 2.0),
            ours=decoding(sent),
            peer=partial(_decoding, bare_decode, sent),
            rounds=scale.rounds(ROUNDS),
        )
    parser = BinanceParser(quotes=quotes())
    marks = [mark_frame(prices(), T0 + second) for second in range(scale.of(20, 2))]
    yield compare(
        Question("decode an array of 600 marks", "msgspec, symbol and price", "us CPU/frame"),
        ours=lambda: cpu_us(lambda: [parser.parse(frame, T0) for frame in marks], len(marks)),
        peer=partial(_decoding, bare.decode_wrapped_marks, marks),
        rounds=scale.rounds(ROUNDS),
    )


def decoding(frames: Sequence[bytes]) -> Cost:
    """As a feed runner does it, for `frames` that are one liquidation each, of instruments that have been seen."""
    parser = BinanceParser(quotes=quotes())
    for frame in frames:
        parser.parse(frame, T0)
    assert all(parser.lone_liquidation(frame, T0) for frame in frames)
    decode = parser.lone_liquidation
    return lambda: cpu_us(lambda: [decode(frame, T0) for frame in frames], len(frames))


def _decoding(decode: Callable[[bytes], object], frames: Sequence[bytes]) -> float:
    return cpu_us(lambda: [decode(frame) for frame in frames], len(frames))
