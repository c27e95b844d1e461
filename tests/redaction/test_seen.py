"""What is redacted is what a reader sees, not what was sent."""

from __future__ import annotations

from typing import Any

import pytest

from otel_joblog.records import Line
from otel_joblog.redaction import Redactor

redactor = Redactor()
redact = redactor.text
FILLER = "q7Zk2Lw9Xv4Tn6Rb1Mc8Pd3Sf5Gh0Jy" * 4


def filler(length: int) -> str:
    return FILLER[:length]


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("password\x1b[0m=\x1b[33mhunter2\x1b[0m user=bob", "password\x1b[0m=\x1b[33m[redacted]\x1b[0m user=bob"),
        ("\x1b[36mapi_key\x1b[0m: 'x1'", "\x1b[36mapi_key\x1b[0m: '[redacted]'"),
        ("password=hun\x1b[1mter2 x", "password=[redacted] x"),
        (r"\u001b[32mpassword\u001b[0m=hunter2", r"\u001b[32mpassword\u001b[0m=[redacted]"),
        ("password\u00a0=\u00a0hunter2 x", "password\u00a0=\u00a0[redacted] x"),
        ("pass\u200bword=hunter2", "pass\u200bword=[redacted]"),
        ("password" + " " * 9 + "= hunter2", "password" + " " * 9 + "= [redacted]"),
        ("password" + " " * 200 + ": hunter2", "password" + " " * 200 + ": [redacted]"),
        ("password\thunter2", "password\t[redacted]"),
        ("password\t=\thunter2", "password\t=\t[redacted]"),
        ("password      hunter2", "password      [redacted]"),
        ("| password | hunter2 |", "| password | [redacted] |"),
        ("│ DB_PASSWORD │ hun ter2  │", "│ DB_PASSWORD │ [redacted]  │"),
        ("| 3 | api_key | Hunter2345 | x |", "| 3 | api_key | [redacted] | x |"),
    ],
)
def test_what_stands_between_key_and_value_hides_no_secret(text: str, redacted: str) -> None:
    assert redact(text) == redacted
    assert redact(redacted) == redacted


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("ALTER ROLE joe PASSWORD 'hun''ter2' VALID", "ALTER ROLE joe PASSWORD '[redacted]' VALID"),
        ("CREATE USER joe WITH PASSWORD 'x1'", "CREATE USER joe WITH PASSWORD '[redacted]'"),
        ("CREATE USER b IDENTIFIED BY 'x1'", "CREATE USER b IDENTIFIED BY '[redacted]'"),
        ("CREATE USER b IDENTIFIED BY x1;", "CREATE USER b IDENTIFIED BY [redacted];"),
        ("IDENTIFIED WITH sha2 BY 'x1'", "IDENTIFIED WITH sha2 BY '[redacted]'"),
        ("SET PASSWORD FOR 'b'@'%' = 'x1'", "SET PASSWORD FOR 'b'@'%' = '[redacted]'"),
        ("SET PASSWORD FOR b = PASSWORD('x1')", "SET PASSWORD FOR b = PASSWORD('[redacted]')"),
    ],
)
def test_passwords_in_sql_are_replaced(text: str, redacted: str) -> None:
    assert redact(text) == redacted


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (f"GET /k?X-Amz-Signature={filler(64)}&x=1", "GET /k?X-Amz-Signature=[redacted]&x=1"),
        (f"https://s.example.org/c?se=1&sig={filler(43)}%3D&sp=r", "https://s.example.org/c?se=1&sig=[redacted]&sp=r"),
        (f"SharedAccessSignature sr=x&sig={filler(43)}&se=1", "SharedAccessSignature sr=x&sig=[redacted]&se=1"),
        (
            f"https://hooks.slack.com/services/T{filler(8)}/B{filler(8)}/{filler(24)} 200",
            "https://hooks.slack.com/services[redacted] 200",
        ),
        (f"https://discord.com/api/webhooks/17/{filler(68)}", "https://discord.com/api/webhooks/17[redacted]"),
    ],
)  # fmt: skip
def test_what_makes_an_address_a_secret_is_replaced(text: str, redacted: str) -> None:
    assert redact(text) == redacted


@pytest.mark.parametrize(
    "key", ["FERNET", "APP", "STRIPE", "hmac", "client", "consumer", "webhook", "WEBHOOK", "license", "master"]
)
def test_keys_of_these_kinds_name_secrets(key: str) -> None:
    joined = f"{key}_{'key' if key.islower() else 'KEY'}"
    assert redact(f"{joined}=x1 user=bob") == f"{joined}=[redacted] user=bob"
    assert redactor.value(joined, "x1") == "[redacted]"
    assert redactor.value(f"{key.lower()}Key", "x1") == "[redacted]"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (f"    client-key-data: LS0t{filler(60)}", "    client-key-data: [redacted]"),
        ('"auth": "Ym9iOmh1bnRlcjI="', '"auth": "[redacted]"'),
        ("_auth=Ym9iOmh1bnRlcjI=", "_auth=[redacted]"),
        (f"sessionid={filler(32)}; x", "sessionid=[redacted]; x"),
        (f"PHPSESSID={filler(26)}", "PHPSESSID=[redacted]"),
        (f"sent xai-{filler(40)} on", "sent [redacted] on"),
        (f"sent glrt-{filler(20)} on", "sent [redacted] on"),
        (f"sent dop_v1_{filler(64)} on", "sent [redacted] on"),
        (f"sent whsec_{filler(32)} on", "sent [redacted] on"),
    ],
)
def test_what_tools_keep_logins_in_is_replaced(text: str, redacted: str) -> None:
    assert redact(text) == redacted


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("postgresql://joe:p@ss@db/x", "postgresql://joe:[redacted]@db/x"),
        ("postgresql://joe:p/ss@db/x", "postgresql://joe:[redacted]@db/x"),
        ("postgresql://joe:p@ss/w@rd@db:5432/x?a=b@c", "postgresql://joe:[redacted]@db:5432/x?a=b@c"),
        ("redis://:p/@s@cache:6379/0, next", "redis://:[redacted]@cache:6379/0, next"),
        ("https://joe:p/ss@git.example.org/x", "https://joe:[redacted]@git.example.org/x"),
        ("https://joe:p@ss/w@git.example.org/x", "https://joe:[redacted]@git.example.org/x"),
        ("https://joe:pw@git.example.org/@scope/x", "https://joe:[redacted]@git.example.org/@scope/x"),
        ("https://git.example.org:8443/@scope/x", "https://git.example.org:8443/@scope/x"),
        ("postgresql://joe@db:5432/x?a=b@c", "postgresql://joe@db:5432/x?a=b@c"),
        ("amqp://a:p@s/s@one,amqp://b:w@two", "amqp://a:[redacted]@one,amqp://b:[redacted]@two"),
    ],
)
def test_a_password_in_a_url_may_hold_what_it_should_not(text: str, redacted: str) -> None:
    assert redact(text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "token-refresher: started", "secret: NotFound", "next_token=abc", "api_key_id=5", "ssh_key=/path",
        "ssh_key=~/.ssh/id_ed25519", "password: required", "Unexpected token: }", "secrets: 3",
        "| password | varchar(255) | NO | |", "db-password   Opaque   1   12d", "token = get_token(user)",
        "password=${DB_PASSWORD}",
    ],
)  # fmt: skip
def test_what_only_sounds_like_a_secret_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("key", "kept"),
    [
        ("command", ["rotate-secrets.sh", "prod"]), ("token-refresher", "started"), ("secret", "NotFound"),
        ("next_token", "abc"), ("api_key_id", 5), ("ssh_key", "/path"),
    ],
)  # fmt: skip
def test_an_attribute_that_only_sounds_like_a_secret_stays(key: str, kept: Any) -> None:
    assert redactor.value(key, kept) == kept


def test_an_attribute_is_redacted_as_it_is_seen() -> None:
    said = Line(bytes(16), bytes(8), bytes(8), 1, 1, 9, 0, "log", "", {"note": "password\x1b[0m=hunter2"})
    assert redactor.record(said).attributes == {"note": "password\x1b[0m=[redacted]"}


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("db:\n  password: |\n    hun\n    ter2\n  user: bob", "db:\n  password: |\n    [redacted]\n  user: bob"),
        ('{\n  "password":\n    "hunter2"\n}', '{\n  "password":\n    "[redacted]"\n}'),
        ('password = "old1" -> "new2"', 'password = "[redacted]" -> "[redacted]"'),
    ],
)
def test_a_value_over_several_lines_of_one_text_is_replaced(text: str, redacted: str) -> None:
    assert redact(text) == redacted
