"""A jump of the machine's clock counts only when the exchange confirms it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from liqalert.clock import SteadyClock

T0 = 1_795_392_000.0
DAYS = 3 * 86_400.0


@dataclass(slots=True)
class Machine:
    """A machine whose clock can be set; the exchange's shows the true time, 0.1 s late."""

    elapsed: float = 1_000.0
    jump_s: float = 0.0

    def now(self) -> float:
        return T0 + self.elapsed - 1_000.0 + self.jump_s

    def pass_s(self, seconds: float) -> None:
        self.elapsed += seconds

    def sent_at(self) -> float:
        return T0 + self.elapsed - 1_000.0 - 0.1


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def clock(machine: Machine) -> SteadyClock:
    clock = SteadyClock(machine, lambda: machine.elapsed)
    clock.now()
    return clock


def hear(clock: SteadyClock, machine: Machine, frames: int, *, off_s: float = 0.0) -> None:
    for _ in range(frames):
        machine.pass_s(1.0)
        clock.now()
        clock.heard(machine.sent_at() + off_s)


def test_it_shows_the_machines_time(clock: SteadyClock, machine: Machine) -> None:
    machine.pass_s(5.0)

    assert clock.now() == T0 + 5.0


@pytest.mark.parametrize("jump_s", [DAYS, -DAYS, 2.0, -2.0])
def test_a_jump_that_the_exchange_contradicts_is_never_followed(
    clock: SteadyClock, machine: Machine, jump_s: float
) -> None:
    machine.jump_s = jump_s

    assert clock.now() == T0
    hear(clock, machine, 100)

    assert clock.now() == T0 + 100.0
    assert clock.contradicted_s == jump_s


@pytest.mark.parametrize("jump_s", [DAYS, -DAYS])
def test_a_jump_that_the_exchange_confirms_is_followed_after_five_frames(
    clock: SteadyClock, machine: Machine, jump_s: float
) -> None:
    machine.jump_s = jump_s

    hear(clock, machine, 4, off_s=jump_s)
    assert clock.now() == T0 + 4.0
    hear(clock, machine, 1, off_s=jump_s)

    assert clock.now() == T0 + 5.0 + jump_s
    assert clock.contradicted_s == 0.0


def test_a_jump_that_is_taken_back_leaves_no_trace(clock: SteadyClock, machine: Machine) -> None:
    machine.jump_s = DAYS
    hear(clock, machine, 2)
    machine.jump_s = 0.0
    hear(clock, machine, 2)

    assert clock.now() == T0 + 4.0
    assert clock.contradicted_s == 0.0


def test_without_an_exchange_a_jump_is_believed_after_a_minute(clock: SteadyClock, machine: Machine) -> None:
    machine.jump_s = DAYS
    clock.now()

    machine.pass_s(59.0)
    assert clock.now() == T0 + 59.0
    machine.pass_s(2.0)
    clock.now()

    assert clock.now() == T0 + 61.0 + DAYS


def test_it_does_not_run_back_when_the_machines_clock_is_set_back_a_little(
    clock: SteadyClock, machine: Machine
) -> None:
    machine.pass_s(5.0)
    before = clock.now()
    machine.jump_s = -0.8

    assert clock.now() == before
    machine.pass_s(2.0)
    assert clock.now() == pytest.approx(T0 + 6.2)
