"""From a frame's bytes to our own objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from liqalert.feeds.binance import BinanceParser
from tests.benchmarks import bare
from tests.benchmarks.harness import Figure, Question, Scale, compare, cpu_us
from tests.benchmarks.inputs import T0, force_order_frames, mark_frame, prices, quotes

SAME_FIELDS = "msgspec, the same five fields"
ROUNDS = 61


def figures(scale: Scale) -> Iterator[Figure]:
    frames = scale.of(1000, 20)
    yield _compared(
        Question("decode forceOrder to Liquidation", SAME_FIELDS, "us CPU/frame", 2.0),
        force_order_frames(frames, T0, wrapped=False),
        bare.decode_force_order,
        rounds=scale.rounds(ROUNDS),
    )
    yield _compared(
        Question("the same in the combined stream's wrapper", SAME_FIELDS, "us CPU/frame", 2.0),
        force_order_frames(frames, T0),
        bare.decode_wrapped_force_order,
        rounds=scale.rounds(ROUNDS),
    )
    yield _compared(
        Question("decode an array of 600 marks", "msgspec, symbol and price", "us CPU/frame"),
        [mark_frame(prices(), T0 + second) for second in range(scale.of(20, 2))],
        bare.decode_wrapped_marks,
        rounds=scale.rounds(ROUNDS),
    )


def _compared(question: Question, frames: Sequence[bytes], decode: Callable[[bytes], object], *, rounds: int) -> Figure:
    parse = BinanceParser(quotes=quotes()).parse
    assert not any(parse(frame, T0).rejected for frame in frames)

    def ours() -> None:
        for frame in frames:
            parse(frame, T0)

    def peer() -> None:
        for frame in frames:
            decode(frame)

    return compare(
        question,
        ours=lambda: cpu_us(ours, len(frames)),
        peer=lambda: cpu_us(peer, len(frames)),
        rounds=rounds,
    )
