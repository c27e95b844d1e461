"""Records: whatever a job says and however it says it, its secrets are not among the bytes of the journal."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import logging
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from otel_joblog import Skip, job, progress, setup, step
from otel_joblog.config import Settings
from otel_joblog.conventions import SpanKind
from otel_joblog.errors import ConfigError
from otel_joblog.records import (
    Dropped,
    Line,
    Output,
    Process,
    Progress,
    Queued,
    SpanLink,
    SpanStarted,
    decode,
    encode,
)
from otel_joblog.redaction import Redactor, make_redactor
from otel_joblog.redaction import redactor as module
from otel_joblog.testing import recording
from tests import processes

from .test_text import JWT, KEY_LINE, planted, redact, secret_in, surroundings

log = logging.getLogger("tests.redaction")
redactor = Redactor()


def line(message: str, attributes: dict[str, Any] | None = None) -> Line:
    return Line(bytes(16), bytes(8), bytes(8), 1, 1, 9, 0, "log", message, attributes)


def value(key: str, value: Any) -> Any:
    attributes = redactor.record(line("", {key: value})).attributes
    assert attributes is not None
    return attributes[key]


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], bytes]]:
    """A runtime that ships nothing; gives all bytes below its state folder."""
    monkeypatch.setattr(setup, "make_sinks", lambda settings, *, otlp_by_default: [])
    runtime = setup.Runtime(Settings.from_environment({}, state_dir=tmp_path, otlp="off"))
    monkeypatch.setattr(setup, "_runtime", runtime)
    yield lambda: b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    runtime.journal.close()


def say_everywhere(text: str, secret: str) -> None:
    @dataclasses.dataclass
    class Login:
        user: str
        password: str

    with contextlib.suppress(ValueError), job(f"job {text}", attributes={"note": text, "api_key": secret}) as run:
        log.info("%s", text)
        log.warning("careful", extra={"said": {"deep": [text, {"token": secret}]}, "login": Login("bob", secret)})
        print(text)
        progress(1, 2, unit=text)
        run.set_attribute("headers", [("authorization", secret), ("accept", "*/*")])
        run.set_attribute("command", ["mysql", "--password", secret, "--host", "db"])
        run.set_attribute("raw", text.encode("utf-8", "surrogatepass"))
        run.span.add_event("sent", {"password": secret, "what": text})
        run.span.set_attribute("db.password", secret)
        with step(f"step {text}", attributes={"note": text}):
            raise Skip(text)
        try:
            raise KeyError(text)
        except KeyError:
            log.exception("failed: %s", text)
        raise ValueError(text)


@given(before=surroundings, form=planted, after=surroundings)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_planted_secret_is_nowhere_in_the_journal(
    journal: Callable[[], bytes], before: str, form: str, after: str
) -> None:
    say_everywhere(f"{before} {form} {after}", secret_in(form))
    assert secret_in(form).encode() not in journal()


@given(
    st.text(max_size=20), planted | st.text("=:- @/0123456789abcx.\n\"'", max_size=40) | st.just(KEY_LINE), surroundings
)
def test_a_glance_at_a_record_overlooks_nothing(before: str, middle: str, after: str) -> None:
    for message in (middle, f"{before} {middle} {after}"):
        for said in (line(message), line(message, {"a": 1})):
            assert redactor.record(said).message == redact(message)
        attributes = redactor.record(line("", {"note": message})).attributes
        assert attributes == {"note": redact(message)}


# One for every word and shape without which there is nothing to be redacted.
EACH = [
    "db_pass=x1", "Client-Secret: x1", "PWD=x1", "credential=x1", "BEARER 0123456789abcdef", "Basic dXNlcjpodW50ZXIy",
    "Token=x1", "Cookie: a=x1", "API-KEY: x1", "AUTHORIZATION: x1", "glpat-0123456789abcdef", f"AIza{'Aa1' * 12}",
    JWT, "AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE", *(f"gh{kind}_{'aB1' * 12}" for kind in "pousr"),
    f"github_pat_{'aB1' * 12}", f"dckr_pat_{'aB1' * 12}", f"xoxb-{'aB1' * 12}", f"xapp-{'aB1' * 12}",
    f"sk-{'aB1' * 12}", f"pypi-{'aB1' * 12}", f"sk_live_{'aB1' * 12}", f"rk_test_{'aB1' * 12}", f"npm_{'aB1' * 12}",
    f"hf_{'aB1' * 12}", f"SG.{'aB1' * 12}", f"hvs.{'aB1' * 12}", "postgresql://joe:hunter2@db:5432/x",
    "4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "3782 822463 10005", "3782-822463-10005",
    KEY_LINE, f"\t {KEY_LINE}== ",
]  # fmt: skip
cases = st.sampled_from([str, str.lower, str.upper, str.swapcase])
said = (
    st.text(max_size=20)
    | planted
    | st.sampled_from(EACH)
    | st.builds("{} {} {}".format, surroundings, st.sampled_from(EACH), surroundings)
    | st.builds(lambda case, text: case(text), cases, st.sampled_from(EACH) | planted)
    | st.sampled_from(["msg.fine", "no key here", "10:00 2026-11-03 1730628000123 12 345678 ok"])
)


@pytest.mark.parametrize("secret", EACH)
def test_each_kind_of_secret_is_found_among_many_lines(secret: str) -> None:
    lines = ["order 17", secret, "", f"of {secret}", "the shop", secret]
    output = Output(bytes(16), bytes(8), 1, 1, len(lines), 9, 1, "\n".join(lines))
    written = decode(redactor.encode(output))
    assert isinstance(written, Output)
    assert written.text.split("\n") == [redact(line) for line in lines]
    assert secret not in (written.text.split("\n")[1], written.text.split("\n")[5])


@given(st.lists(said.map(lambda text: text.replace("\n", " ")), min_size=1, max_size=6))
def test_lines_at_once_are_redacted_as_each_alone(lines: list[str]) -> None:
    output = Output(bytes(16), bytes(8), 1, 1, len(lines), 9, 1, "\n".join(lines))
    written = decode(redactor.encode(output))
    assert isinstance(written, Output)
    assert written.text.split("\n") == [redact(line) for line in lines]


def test_a_secret_in_one_of_many_lines_of_text_is_found_where_it_is() -> None:
    texts = ["a\nb\nc", "fine", "password=hunter2", "d\ne", "x\ntoken=abc\ny", "fine"]
    said = [line.message for line in redactor.records([line(text) for text in texts]) if isinstance(line, Line)]
    assert said == [redact(text) for text in texts]
    assert "hunter2" not in said[2]
    assert "abc" not in said[4]


@given(st.lists(st.tuples(said, st.sampled_from([None, None, {"a": 1}])), max_size=8))
def test_records_at_once_are_redacted_as_each_alone(said: list[tuple[str, dict[str, Any] | None]]) -> None:
    records = [line(message, attributes) for message, attributes in said]
    assert redactor.records(records) == [redactor.record(record) for record in records]


@given(st.text(max_size=100))
def test_a_record_that_holds_no_secret_is_written_as_it_is(message: str) -> None:
    if redact(message) == message:
        assert redactor.encode(line(message)) == encode(line(message))


@pytest.mark.parametrize(
    "key",
    ["password", "DB_PASSWD", "pwd", "client_secret", "accessToken", "refresh_tokens", "api_key", "X-Api-Key",
     "Authorization", "http.request.header.authorization", "cookie", "Set-Cookie", "aws.credentials",
     "private_key", "SENTRY_DSN", "dsn", "db.connection_string", "smtp_pass", "auth", "proxyAuth"],
)  # fmt: skip
def test_the_value_of_a_key_that_names_a_secret_is_replaced_whole(key: str) -> None:
    assert value(key, "x") == "[redacted]"
    assert value(key, ["x", {"y": 1}]) == "[redacted]"
    assert value("outer", {key: {"x": 1}}) == {key: "[redacted]"}


@pytest.mark.parametrize(
    ("key", "kept"),
    [
        ("author", "bob"), ("keyboard", "qwerty"), ("primary_key", 5), ("token_file", "/run/x"), ("password_length", 8),
        ("password", None), ("password_required", True), ("gen_ai.usage.input_tokens", 120), ("pass", 12),
        ("compass", "n"), ("dataset", "a"), ("at", datetime.datetime(2026, 11, 3, tzinfo=datetime.UTC)),
        ("rows", [1, 2.5, None]),
    ],
)  # fmt: skip
def test_other_values_stay_as_they_are(key: str, kept: Any) -> None:
    assert value(key, kept) == kept


def test_the_argument_of_a_command_s_option_is_replaced() -> None:
    command = ["mysql", "--host", "db", "--password", "x", "--token=y", "-v"]
    assert value("process.command_args", command) == [
        "mysql", "--host", "db", "--password", "[redacted]", "--token=[redacted]", "-v",
    ]  # fmt: skip


def test_ids_of_records_stay_whatever_they_look_like() -> None:
    run_id = "4111111111111111" * 2 + "-4111111111111111"
    started = SpanStarted(
        SpanKind.JOB,
        b"4111111111111111",
        b"pwd: abc",
        None,
        b"token=ab",
        None,
        1,
        "x",
        0,
        {"joblog.parent_run": run_id},
    )
    assert redactor.record(started) == started


def test_what_a_process_says_of_itself_is_redacted() -> None:
    process = Process(bytes(16), 1, 2, "host", "boot", "service", {"process.command_args": ["x", "--token", "abc"]})
    assert redactor.record(process).resource == {"process.command_args": ["x", "--token", "[redacted]"]}
    assert (
        redactor.record(Progress(bytes(16), bytes(8), bytes(8), 1, 1.0, None, "token=abc")).unit == "token=[redacted]"
    )


def test_own_rules_reach_lines_and_attributes() -> None:
    own = Redactor(["customer_no"], [r"(?<=order )\d+"])
    assert own.record(line("order 17", {"customerNo": 5})) == line("order [redacted]", {"customerNo": "[redacted]"})
    assert own.record(line("order 17")).message == "order [redacted]"
    assert own.record(line("customer-no: 17")).message == "customer-no: [redacted]"
    addresses = Redactor(email_addresses=True)
    assert addresses.record(line("to bob@example.org")).message == "to [redacted]"
    assert redactor.record(line("to bob@example.org")).message == "to bob@example.org"


def test_own_rules_reach_each_of_many_records_at_once() -> None:
    own = Redactor(["customer_no"], [r"(?<=order )\d+"])
    records = [line("order 17"), line("", {"customerNo": 5}), line("nothing")]
    assert own.records(records) == [own.record(record) for record in records]
    assert [record.message for record in own.records(records) if isinstance(record, Line)] == [
        "order [redacted]", "", "nothing",
    ]  # fmt: skip


def test_what_a_queue_is_told_is_redacted() -> None:
    link = SpanLink(bytes(16), bytes(8), {"token": "abc"})
    queued = Queued(bytes(16), bytes(8), 1, "load token=abc", "shop", {"password": "abc", "rows": 3}, [link])
    redacted = redactor.record(queued)
    assert redacted.name == "load token=[redacted]"
    assert redacted.attributes == {"password": "[redacted]", "rows": 3}
    assert redacted.links == [replace(link, attributes={"token": "[redacted]"})]
    assert decode(redactor.encode(queued)) == redacted


def test_a_record_in_which_nobody_says_anything_stays_as_it_is() -> None:
    dropped = Dropped(bytes(16), b"pwd: abc", 1, 2, "dropped: token=abc is no one's words but ours")
    assert redactor.record(dropped) == dropped
    assert redactor.encode(dropped) == encode(dropped)


def test_a_line_that_cannot_be_encoded_as_it_is_is_redacted_all_the_same() -> None:
    for said in ("lone \ud800", "lone \ud800 token=abc"):
        assert redactor.encode(line(said)) == encode(line(said.replace("abc", "[redacted]")))


def test_an_exception_from_elsewhere_goes_on_to_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(record: Line) -> bytes:
        signal.raise_signal(signal.SIGUSR1)
        return encode(record)

    def handle(*_: object) -> None:
        raise TimeoutError("time is up")

    monkeypatch.setattr(module, "encode_plainly", interrupted)
    before = signal.signal(signal.SIGUSR1, handle)
    try:
        with pytest.raises(TimeoutError, match="time is up"):
            redactor.encode(line("hello"))
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_redaction_can_be_switched_off() -> None:
    off = make_redactor(Settings.from_environment({"OTEL_JOBLOG_REDACT": "false"}))
    said = line("password=x", {"password": "x"})
    assert (off.record(said), off.encode(said), off.records([said])) == (said, encode(said), [said])
    assert (off.text("password=x"), off.value("password", "x")) == ("password=x", "x")


def test_a_pattern_that_cannot_be_used_is_told_and_the_others_hold() -> None:
    told: list[ConfigError] = []
    variables = {
        "OTEL_JOBLOG_REDACT_PATTERNS": "order-\\d+\n(open\n\nx*\n",
        "OTEL_JOBLOG_REDACT_KEYS": "customer_no, pesel",
    }
    made = Settings.from_environment(variables, on_bad=told.append)
    assert (made.redact_patterns, made.redact_keys) == (("order-\\d+",), ("customer_no", "pesel"))
    (problem,) = map(str, told)
    assert "'(open' missing ), unterminated subpattern" in problem
    assert "'x*' matches the empty text" in problem
    assert problem.endswith("; the rest is used")
    with pytest.raises(ConfigError, match="unterminated subpattern"):
        Settings.from_environment({}, redact_patterns=["fine", "(open"])
    listed = Settings.from_environment({}, redact_patterns=["a,b", "c"], redact_keys=["d", "e"])
    assert (listed.redact_patterns, listed.redact_keys) == (("a,b", "c"), ("d", "e"))


def test_spans_of_other_instrumentations_are_redacted() -> None:
    from opentelemetry import trace

    attributes = {"url.full": "https://joe:hunter2@example.org", "http.request.header.cookie": "hunter2"}
    with (
        recording() as recorded,
        job("x"),
        trace.get_tracer("http").start_as_current_span("GET", attributes=attributes),
    ):
        pass
    (other,) = (record for record in recorded.records if getattr(record, "scope", "") == "http")
    assert "hunter2" not in str(other)


def test_what_is_added_to_spans_of_an_application_s_own_provider_is_redacted(tmp_path: Path) -> None:
    done = processes.run(
        """
        import contextlib, logging
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        from otel_joblog import job
        memory = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(memory))
        trace.set_tracer_provider(provider)
        with contextlib.suppress(ValueError), job("x token=hunter2", attributes={"password": "hunter2"}) as run:
            logging.getLogger("app").warning("password=hunter2")
            run.set_attribute("secret", "hunter2")
            raise ValueError("password=hunter2")
        (span,) = memory.get_finished_spans()
        print(span.to_json(), len(span.events))
        """,
        tmp_path,
        OTEL_JOBLOG_CAPTURE_OUTPUT="false",
    )
    assert done.stderr.replace("password=hunter2", "") == "\n"
    assert done.stdout.strip().endswith(" 2")
    assert "[redacted]" in done.stdout
    assert "hunter2" not in done.stdout
