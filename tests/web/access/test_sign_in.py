"""Who is let in, by password, token and cookie."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest

from otel_joblog.config import Settings
from otel_joblog.web.auth.cookie import NAME
from otel_joblog.web.auth.passwords import hashed
from otel_joblog.web.auth.roles import Role
from otel_joblog.web.auth.users import User, Users
from tests.web.access.conftest import PASSWORD

Add = Callable[..., User]
RUNS = "/api/v1/runs"


def form(web: httpx.Client, name: str = "zoë", password: str = PASSWORD, **more: str) -> httpx.Response:
    origin = {"Origin": str(web.base_url).rstrip("/")}
    return web.post("/sign-in", data={"name": name, "password": password, **more}, headers=origin)


def audit(settings: Settings) -> list[dict[str, str]]:
    return [json.loads(line) for line in settings.audit_file.read_text().splitlines()]


def test_without_users_all_is_open_and_the_first_one_closes_it_at_once(web: httpx.Client, add: Add) -> None:
    assert web.get(RUNS).status_code == 200
    assert web.get("/sign-in").headers["location"] == "/", "nobody needs to sign in"
    add("zoë")
    assert web.get(RUNS).status_code == 401
    assert web.get("/healthz").status_code == 200
    assert web.get("/static/viewer.css").status_code == 200


def test_accounts_that_are_lost_open_nothing(web: httpx.Client, settings: Settings, add: Add) -> None:
    add("zoë")
    assert web.get(RUNS).status_code == 401
    settings.users_file.unlink()
    assert web.get(RUNS).status_code == 401
    settings.users_file.write_text("{")
    broken = web.get(RUNS, auth=("zoë".encode(), b"any"))
    assert (broken.status_code, broken.json()["error"]["code"]) == (503, "users_unusable")
    assert str(settings.users_file) not in broken.text


def test_a_program_shows_a_password_or_a_token(web: httpx.Client, add: Add) -> None:
    add("zoë")
    add("dashboards", token="t0ken")
    assert web.get(RUNS, auth=("zoë".encode(), PASSWORD.encode())).status_code == 200
    composed, decomposed = "zo\u00eb", "zoe\u0308"
    assert web.get(RUNS, auth=(composed.encode(), PASSWORD.encode())).status_code == 200
    assert web.get(RUNS, auth=(decomposed.encode(), PASSWORD.encode())).status_code == 200
    assert web.get(RUNS, headers={"Authorization": "Bearer t0ken"}).status_code == 200


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ("Basic !", "base64 of name:password"),
        ("Basic em/r", "base64 of name:password"),
        ("Digest x", "Basic with a name and a password"),
        ("Bearer t0ke\u00eb", "No account has this token"),
        ("Bearer", "No account has this token"),
        ("", "Basic with a name"),
    ],
)
def test_what_is_shown_and_is_not_right_is_told(web: httpx.Client, add: Add, shown: str, said: str) -> None:
    add("zoë", token="t0ken")
    answer = web.get(RUNS, headers={"Authorization": shown.encode()})
    assert answer.status_code == 401
    assert said in answer.json()["error"]["message"]
    assert answer.headers["www-authenticate"].startswith("Basic realm")


def test_an_unknown_name_is_answered_as_a_wrong_password_is(web: httpx.Client, add: Add) -> None:
    add("zoë")
    add("robot", token="t0ken")
    said = {web.get(RUNS, auth=(name.encode(), b"wrong")).text for name in ("zoë", "nobody", "robot")}
    assert len(said) == 1


def test_two_authorizations_are_refused(web: httpx.Client, add: Add) -> None:
    add("robot", token="t0ken")
    twice = [("Authorization", "Bearer t0ken"), ("Authorization", "Bearer other")]
    assert web.get(RUNS, headers=twice).status_code == 400


def test_a_page_leads_to_the_sign_in_and_that_leads_back(web: httpx.Client, settings: Settings, add: Add) -> None:
    add("zoë")
    sent = web.get("/jobs?q=a%26b", headers={"Accept": "text/html"})
    assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in?next=%2Fjobs%3Fq%3Da%2526b")
    assert 'value="/jobs?q=a%26b"' in web.get(sent.headers["location"]).text
    done = form(web, next="/jobs?q=a%26b")
    assert (done.status_code, done.headers["location"]) == (303, "/jobs?q=a%26b")
    given = done.headers["set-cookie"]
    assert given.startswith(f"{NAME}=")
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(given.split("; "))
    assert "Secure" not in given
    page = web.get("/jobs")
    assert page.status_code == 200
    assert "zoë" in page.text
    assert audit(settings)[-1] | {"time": ""} == {
        "time": "", "what": "signed in", "name": "zoë", "address": "127.0.0.1",
    }  # fmt: skip


def test_the_cookie_is_for_https_alone_where_that_is_spoken(web: httpx.Client, add: Add) -> None:
    add("zoë")
    host = web.base_url.netloc.decode()
    sent = {"X-Forwarded-Proto": "https", "Origin": f"https://{host}"}
    done = web.post("/sign-in", data={"name": "zoë", "password": PASSWORD}, headers=sent)
    assert done.status_code == 303
    assert "Secure" in done.headers["set-cookie"]


@pytest.mark.parametrize("onward", ["//evil.example", "https://evil.example", "/\\evil.example", "/\nx", "jobs", ""])
def test_a_sign_in_leads_to_no_other_site(web: httpx.Client, add: Add, onward: str) -> None:
    add("zoë")
    assert form(web, next=onward).headers["location"] == "/"


def test_a_wrong_password_is_told_on_the_page(web: httpx.Client, settings: Settings, add: Add) -> None:
    add("zoë")
    refused = form(web, password="wrong")
    assert refused.status_code == 401
    assert "There is no account of this name and password." in refused.text
    assert "wrong" not in refused.text.replace("wrong password", "")
    assert NAME not in refused.cookies
    assert audit(settings)[-1]["what"] == "sign-in failed"


def test_who_only_sends_may_not_look(web: httpx.Client, add: Add) -> None:
    add("sender", Role.INGEST, token="t0ken")
    add("odd", Role.INGEST)
    assert web.get(RUNS, headers={"Authorization": "Bearer t0ken"}).status_code == 403
    assert form(web, "odd").status_code == 403


def test_a_removed_account_and_another_password_end_what_was_signed_in(
    web: httpx.Client, settings: Settings, add: Add
) -> None:
    add("zoë")
    add("other")
    form(web)
    assert web.get(RUNS).status_code == 200
    kept = web.cookies[NAME]
    add("zoë")  # anew
    assert web.get(RUNS).status_code == 401
    Users(settings.users_file).change(lambda known: {"other": known["other"]})
    assert web.get(RUNS, headers={"Cookie": f"{NAME}={kept}"}).status_code == 401


def test_a_cookie_that_was_not_signed_here_is_none(web: httpx.Client, add: Add) -> None:
    add("zoë")
    form(web)
    content, _, signature = web.cookies[NAME].rpartition(".")
    for forged in (f"{content}x.{signature}", f"{content}.{signature[:-2]}xx", "x", "", "ë"):
        assert web.get(RUNS, headers={"Cookie": f"{NAME}={forged}".encode()}).status_code == 401


def test_signing_out_takes_the_cookie_away(web: httpx.Client, add: Add) -> None:
    add("zoë")
    form(web)
    origin = {"Origin": str(web.base_url).rstrip("/")}
    out = web.post("/sign-out", headers=origin)
    assert (out.status_code, out.headers["location"]) == (303, "/sign-in")
    assert NAME not in web.cookies


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {},  # with a cookie, but no sign of a browser
    ],
)
def test_what_another_site_asks_for_is_not_done(web: httpx.Client, add: Add, headers: dict[str, str]) -> None:
    add("zoë")
    form(web)
    refused = web.post("/sign-out", headers=headers)
    assert refused.status_code == 403
    assert "set-cookie" not in refused.headers


def test_failures_are_slowed_for_that_name_and_address_and_the_right_password_still_ends_it(
    web: httpx.Client, add: Add
) -> None:
    add("zoë")
    add("other")
    assert web.get(RUNS, auth=(b"other", PASSWORD.encode())).status_code == 200
    answers = [form(web, password=f"wrong {number}") for number in range(7)]
    assert [answer.status_code for answer in answers[:5]] == [401] * 5
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert "try again in" in answers[-1].text
    assert web.get(RUNS, auth=(b"other", PASSWORD.encode())).status_code == 200


def test_the_file_of_accounts_is_of_its_owner_alone_and_holds_no_secret(settings: Settings, add: Add) -> None:
    add("zoë")
    add("robot", token="t0ken")
    assert settings.users_file.stat().st_mode & 0o777 == 0o600
    content = settings.users_file.read_text()
    assert "$argon2id$" in content
    assert PASSWORD not in content
    assert "t0ken" not in content


def test_a_password_is_hashed_anew_each_time() -> None:
    assert hashed("one") != hashed("one")
