from __future__ import annotations

import pytest

from otel_joblog.store.errorgroups import ErrorGroup


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("row 17 of 20,000 is bad", "row <n> of <n> is bad"),
        ("order 7c9e6679-7425-40de-944b-e07fc1f90ae7 is gone", "order <id> is gone"),
        ("object at 0x7f3a10 and commit 9fceb02d0ae598e9", "object at <id> and commit <id>"),
        ("no sign of life since 2026-11-03 03:12:04 UTC", "no sign of life since <time> UTC"),
        ("due 2026-11-03T03:12:04.123+02:00, done 2026-11-04", "due <time>, done <time>"),
        ("[Errno 2] No such file: '/tmp/a12'", "[Errno 2] No such file: '/tmp/a<n>'"),
        ("HTTP 404 after 3 attempts, exit code 7", "HTTP 404 after <n> attempts, exit code 7"),
        ("server at 10.0.0.1:5432 refused", "server at <n> refused"),
        ("the facade is defaced", "the facade is defaced"),  # words of hex letters only are words
        ("", ""),
        ("x" * 1000, "x" * 300),
    ],
)
def test_messages_that_differ_in_numbers_and_ids_are_of_one_kind(message: str, kind: str) -> None:
    assert ErrorGroup.of("ValueError", message).message == kind


def test_another_type_is_another_kind() -> None:
    assert ErrorGroup.of("ValueError", "no").number != ErrorGroup.of("KeyError", "no").number
    assert ErrorGroup.of("ValueError", "no 1").number == ErrorGroup.of("ValueError", "no 2").number


def test_text_that_no_column_takes_has_a_kind_too() -> None:
    assert ErrorGroup.of("Bad\0Error", "a\0b \ud800 " + "(" * 10_000).type == "Bad\ufffdError"
