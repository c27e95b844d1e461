"""What is taken for a secret in a text, and what is not."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otel_joblog.redaction import Redactor

redactor = Redactor()
redact = redactor.text

GITHUB_TOKEN = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
KEY_LINE = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKB"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("password=hunter2 user=bob", "password=[redacted] user=bob"),
        ("DB_PASSWORD: hunter2", "DB_PASSWORD: [redacted]"),
        ("passwd = hunter2", "passwd = [redacted]"),
        ("DB_PASS=hunter2", "DB_PASS=[redacted]"),
        ("Server=db;Uid=sa;Pwd=hunter2;Database=x", "Server=db;Uid=sa;Pwd=[redacted];Database=x"),
        ("GET /login?token=abc&user=bob", "GET /login?token=[redacted]&user=bob"),
        ("password=a,b;c, user=bob", "password=[redacted], user=bob"),
        ("connect(user='bob', password='hun ter2')", "connect(user='bob', password='[redacted]')"),
        ('{"password": "hun\\"ter2", "user": "bob"}', '{"password": "[redacted]", "user": "bob"}'),
        ("{'clientSecret': 'x', 'n': 2}", "{'clientSecret': '[redacted]', 'n': 2}"),
        ('"{\\"password\\": \\"x\\"}"', '"{\\"password\\": \\"[redacted]\\"}"'),
        ('os.environ["API_KEY"] = "x"', 'os.environ["API_KEY"] = "[redacted]"'),
        ('token="unfinished', 'token="[redacted]'),
        ("secrets: [a, b]", "secrets: [redacted]"),
        ("X-Api-Key: x", "X-Api-Key: [redacted]"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG", "aws_secret_access_key = [redacted]"),
        ("mysql --password hunter2 --host db", "mysql --password [redacted] --host db"),
        ("mysql --password=hunter2 --host db", "mysql --password=[redacted] --host db"),
        ("['mysql', '--pass', 'hunter2']", "['mysql', '--pass', '[redacted]']"),
        ("Authorization: Bearer abc", "Authorization: Bearer [redacted]"),
        ("Authorization: abc def", "Authorization: [redacted]"),
        ("curl -H 'Authorization: Basic YTpi' https://x", "curl -H 'Authorization: Basic [redacted]' https://x"),
        ('Authorization: Digest username="M", response="abc"', "Authorization: Digest [redacted]"),
        ("authorization=Bearer abc user=bob", "authorization=Bearer [redacted] user=bob"),
        ("Set-Cookie: session=abc; Path=/", "Set-Cookie: [redacted]"),
        ("sent bearer 0123456789abcdef to it", "sent bearer [redacted] to it"),
        ("sent Basic dXNlcjpodW50ZXIy to it", "sent Basic [redacted] to it"),
        ("key AKIAIOSFODNN7EXAMPLE used", "key [redacted] used"),
        (f"push with {GITHUB_TOKEN} failed", "push with [redacted] failed"),
        ("slack xoxb-123456789012-0123456789abcdefghijklmn", "slack [redacted]"),
        (f"cookie jar has {JWT}.", "cookie jar has [redacted]"),
        ("postgresql://joe:hunter2@db:5432/x", "postgresql://joe:[redacted]@db:5432/x"),
        ("amqp://joe:p@ss@one,amqp://joe:word@two", "amqp://joe:[redacted]@one,amqp://joe:[redacted]@two"),
        ("redis://:hunter2@cache", "redis://:[redacted]@cache"),
        ("https://0123456789abcdef0123@sentry.example.org/1", "https://[redacted]@sentry.example.org/1"),
        ("paid by 4111 1111 1111 1111 today", "paid by [redacted] today"),
        ("paid by 4111-1111-1111-1111 today", "paid by [redacted] today"),
        ("card=378282246310005", "card=[redacted]"),
        (
            "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\nx",
            "-----BEGIN PRIVATE KEY-----[redacted]-----END PRIVATE KEY-----\nx",
        ),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\nnever ends", "-----BEGIN RSA PRIVATE KEY-----[redacted]"),
        (KEY_LINE, "[redacted]"),
    ],
)  # fmt: skip
def test_a_secret_is_replaced_and_what_names_it_stays(text: str, redacted: str) -> None:
    assert redact(text) == redacted
    assert redact(redacted) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "processed order 17 for customer 42",
        "2026-11-03 10:00:00,123 INFO app.orders took 12.4 s",
        "GET https://api.example.org:8080/v2/@orders?page=3&key=17 200",
        "trace 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "prompt_tokens=120 completion_tokens: 17 max_tokens=4096 token_count=5 {'total_tokens': 137}",
        "pass: 12, fail: 3; tests passed: 12",
        "passwordless: true, tokenizer=bert, secretary: bob, bypass=1",
        "token_file=/run/x secret_name: y --password-file /run/z password_length=8",
        "token=None secret='' password: *****",
        "std::token::next",
        "key=17 primary_key: id public key: abc",
        "basic understanding of internationalization",
        "at 1730628000123 ms, 1730628000123456 us, 1730628000123456789 ns, 0.4111111111111111",
        "4111 1111 1111 1112",
        "mail to bob@example.org",
        "git clone ssh://git@github.com/x",
        "warum nicht: größer, schöner, weiter — 25 °C",
        "",
    ],
)
def test_an_ordinary_line_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


def test_addresses_go_only_where_that_is_asked_for() -> None:
    assert Redactor(email_addresses=True).text("mail to bob.b+x@example.org, please") == "mail to [redacted], please"


def test_own_keys_and_patterns_are_added_to_the_default_ones() -> None:
    own = Redactor(["customer_no", "PESEL"], [r"(?<=order )\d+", "X-\\w+"])
    assert own.text("customerNo=5 CUSTOMER-NO: 6 pesel='7'") == (
        "customerNo=[redacted] CUSTOMER-NO: [redacted] pesel='[redacted]'"
    )
    assert own.text("order 8 X-a password=b") == "order [redacted] [redacted] password=[redacted]"


letters = st.text("abcXYZ019_.-$!#%/+*", min_size=1, max_size=40)
secrets = letters.filter(lambda secret: len(secret) > 3).map(lambda middle: f"q7{middle}Zx")
keys = st.sampled_from(
    ["password", "PASSWORD", "db_passwd", "pwd", "client_secret", "accessToken", "api-key", "X-Api-Key", "API_KEY_2"]
)
planted = st.one_of(
    st.builds("{}={}".format, keys, secrets),
    st.builds("{}: {}".format, keys, secrets),
    st.builds('"{}": "{}"'.format, keys, secrets),
    st.builds("'{}': '{}'".format, keys, secrets),
    st.builds("--{} {}".format, st.sampled_from(["password", "api-key", "auth-token"]), secrets),
    st.builds("Authorization: {} {}".format, st.sampled_from(["Bearer", "Basic", "Other"]), secrets),
    st.builds("postgresql://joe:{}@db/x".format, secrets),
    st.builds("Bearer {}".format, st.text("abcdefXYZ0189-_", min_size=20).map(lambda token: f"q7{token}Zx")),
)
surroundings = st.text(max_size=40)


def secret_in(form: str) -> str:
    return form[form.index("q7") : form.rindex("Zx") + 2]


@given(before=surroundings, form=planted, after=surroundings)
def test_a_planted_secret_never_stays(before: str, form: str, after: str) -> None:
    assert secret_in(form) not in redact(f"{before} {form} {after}")


pieces = st.sampled_from([
    "password", "=", ":", " ", '"', "'", "\\", "[redacted]", "token", "s", "://", "@", "a", "Authorization",
    "Bearer ", "4111111111111111", "--", "--password", "\n", ",", ";", "&", "(", ")", "{", "}", "[", "]",
    "-----BEGIN PRIVATE KEY-----", "-----END ", GITHUB_TOKEN, JWT, "key", "api_", "x=", "é", "İ",
])  # fmt: skip


@given(st.lists(pieces | st.text(max_size=5), max_size=30).map("".join))
@example('password="\\"')
def test_what_is_redacted_stays_as_it_is(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@given(st.text(st.characters(exclude_characters="=:@-", exclude_categories=["Nd"]), max_size=200))
def test_text_that_assigns_nothing_stays_as_it_is(text: str) -> None:
    lowered = text.lower()
    if "bearer" not in lowered and "basic" not in lowered:
        assert redact(text) == text


@pytest.mark.parametrize(
    "unit",
    [
        "=", ":", "a:", "password", "password=", "password: ", 'password="', "password='", 'password=\\"',
        "password=,;", "password=[", "token", "tokens_", "api_key", "--password ", "://", "a://", "a://a:", "a://a:a@",
        "a-a@", "4", "4111 ", "'", '"', "\\", "{", '{"a":', "-", "-----BEGIN PRIVATE KEY-----", "eyJ", "-eyJ",
        "bearer a", "auth=", "auth=(", "token=get(", "session=", "token=Optional[", "cookie: a ", "password |",
        "mysql ", "curl -u a:", "user identified by ", "\x1b[0m", "<password>", "password for a ", "?key=", "api key ",
        "authorization:", 'authorization: digest a="', "cookie: a=", "sk-1", "SG.a-", "ghp_", "Aa1/", " ", "\n", "é",
    ],
)  # fmt: skip
def test_hostile_text_takes_no_longer_than_any_other(unit: str) -> None:
    """Half a megabyte takes a fraction of a second; what grew with its square would take minutes."""
    hints = "@ 4111 1111 1111 1111 bearer eyJ ghp_ sk- SG. :// key PRIVATE KEY "
    text = hints + (unit * (500_000 // len(unit))) + "@"
    thorough = Redactor(email_addresses=True)
    begun = time.thread_time()
    thorough.text(text)
    assert time.thread_time() - begun < 2
