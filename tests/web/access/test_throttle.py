"""Failed sign-ins by a clock of the test's own."""

from __future__ import annotations

from otel_joblog.web.auth.throttle import FREE_OF_ADDRESS, FREE_OF_NAME, LONGEST, MOST, Throttle


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_each_failure_past_some_waits_twice_as_long_up_to_a_minute() -> None:
    throttle = Throttle(Clock())
    waits = []
    for _ in range(FREE_OF_NAME + 8):
        throttle.failed("10.0.0.1", "zoë")
        waits.append(throttle.wait("10.0.0.1", "zoë"))
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, LONGEST, LONGEST, LONGEST]
    assert throttle.wait("10.0.0.2", "zoë") == 0
    assert throttle.wait("10.0.0.1", "other") == 0


def test_an_address_that_tries_many_names_is_slowed_for_all() -> None:
    throttle = Throttle(Clock())
    for number in range(FREE_OF_ADDRESS):
        throttle.failed("10.0.0.1", f"name {number}")
    assert throttle.wait("10.0.0.1", "yet another") == 1
    assert throttle.wait("10.0.0.2", "yet another") == 0


def test_the_right_password_and_a_quarter_of_an_hour_end_it() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    for _ in range(6):
        throttle.failed("10.0.0.1", "zoë")
    throttle.succeeded("10.0.0.1", "zoë")
    assert throttle.wait("10.0.0.1", "zoë") == 0
    for _ in range(6):
        throttle.failed("10.0.0.1", "zoë")
    clock.now += 901
    throttle.failed("10.0.0.1", "zoë")
    assert throttle.wait("10.0.0.1", "zoë") == 0


def test_what_it_remembers_is_bounded() -> None:
    throttle = Throttle(Clock())
    for number in range(MOST * 2):
        throttle.failed(f"10.0.{number // 256}.{number % 256}", "zoë")
    assert len(throttle._failures) <= MOST
