"""What the documents have of Python, SQL and configuration runs, and what they name is there."""

from __future__ import annotations

import inspect
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import psycopg
import pytest
import yaml
from psycopg.conninfo import conninfo_to_dict
from starlette.routing import Route

import otel_joblog
from otel_joblog.cli.main import _COMMANDS
from otel_joblog.command.arguments import without_secrets
from otel_joblog.config import documented
from otel_joblog.ingest.rules import Rules
from otel_joblog.records import SpanEnded
from otel_joblog.store.schema.roles import make_roles
from otel_joblog.web.auth.viewersettings import viewer_settings
from otel_joblog.web.routes import routes
from tests.documents import DOCUMENTS, ROOT, blocks, inline, prose, text_of, texts
from tests.processes import environment, journaled

pytestmark = pytest.mark.timeout(600)  # processes of their own

LANGUAGES = {"", "console", "cron", "python", "sql", "toml", "yaml"}

# What the reader of a document has already, before its first block of Python.
BEFORE = {
    "docs/jobs.md": """
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from tenacity import Retrying, stop_after_attempt
from otel_joblog import job, step
items = paths = rows = "abc"
digest = len
outermost = job("outermost") if __name__ == "__main__" else None
run = outermost.__enter__() if outermost else None
""",
    "docs/reference.md": "import logging; handler = logging.StreamHandler()",
}
AFTER = {"docs/jobs.md": "\nif outermost: outermost.__exit__(None, None, None)\n"}

ELSEWHERE = {
    "docs/api.md": "test_documented_commands runs it beside a viewer",
    "docs/first-five-minutes.md": "test_documented_commands follows it",
    "docs/testing.md": "the test in it is run below",
}

NO_SQL_HERE = {"docs/scaling.md": "Citus is not to be had here; tests/store holds what the document says of it"}

NAMED_ELSEWHERE = {"OTEL_JOBLOG_INGEST_ENDPOINT", "OTEL_JOBLOG_PARENT_RUN"}  # a collector's; what a run hands on


def test_every_block_is_of_a_language_that_is_tested() -> None:
    for document in DOCUMENTS:
        assert {block.language for block in blocks(document)} <= LANGUAGES, document


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if texts(name, "python") and name not in ELSEWHERE])
def test_the_python_of_a_document_runs(document: str, tmp_path: Path) -> None:
    program = "\n".join([BEFORE.get(document, ""), *texts(document, "python"), AFTER.get(document, "")])
    (tmp_path / "program.py").write_text(program)
    quiet = {"OTEL_JOBLOG_EXIT_TIMEOUT": "0", "OTEL_SDK_DISABLED": "true"}  # nothing is sent from here
    done = subprocess.run(
        [sys.executable, "-W", "error", "program.py"],
        cwd=tmp_path,
        env=environment(tmp_path / "state", **quiet),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    ended = [record for record in journaled(tmp_path) if isinstance(record, SpanEnded)]
    assert {record.status.value for record in ended} <= {"success"}
    assert ended or not re.search(r"\bwith .*\bjob\(", program)


def test_the_test_of_the_testing_aids_passes() -> None:
    for block in texts("docs/testing.md", "python"):
        names: dict[str, object] = {"__name__": "documented"}
        exec(compile(block, "testing.md", "exec"), names)
        tested = [test for name, test in names.items() if name.startswith("test_")]
        assert tested
        for test in tested:
            assert callable(test)
            test()


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if name not in NO_SQL_HERE])
def test_the_sql_of_a_document_runs(document: str, module_dsn: str) -> None:
    queries = texts(document, "sql") + [code for code in inline(document) if code.startswith("select ")]
    if queries:
        make_roles(module_dsn)
    with psycopg.connect(module_dsn) as connection:
        for query in queries:
            connection.execute(query.encode())
        connection.rollback()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_configuration_of_a_document_is_understood(document: str, tmp_path: Path) -> None:
    for block in texts(document, "toml"):
        assert tomllib.loads(block)
        (tmp_path / "file.toml").write_text(block)
        if document == "docs/access.md":
            viewer_settings(tmp_path / "file.toml")
        else:
            Rules.of(tmp_path / "file.toml")
    for block in texts(document, "yaml"):
        assert yaml.safe_load(block)
    for block in texts(document, ""):
        if block.startswith("postgresql://"):
            assert conninfo_to_dict(block.strip())


def test_every_variable_of_ours_that_is_named_is_a_setting() -> None:
    known = {variable for variable, _, _ in documented()} | NAMED_ELSEWHERE
    for document in DOCUMENTS:
        named = set(re.findall(r"OTEL_JOBLOG_\w+", text_of(document)))
        assert {name for name in named - known if not name.endswith("_")} == set(), document


def test_every_file_of_ours_that_is_named_is_there() -> None:
    for document in DOCUMENTS:
        for named in re.findall(r"`((?:otel_joblog|benchmarks|tests|collector|dashboards)/[\w/.]+)`", prose(document)):
            assert "NAME" in named or (ROOT / named).exists(), f"{document} names {named}"


def test_every_target_of_make_that_is_named_is_there() -> None:
    targets = set(re.findall(r"^([\w.-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for document in DOCUMENTS:
        for code in [*inline(document), *"\n".join(texts(document, "console")).splitlines()]:
            if found := re.match(r"(?:\$ )?make ([\w. -]+)", code):
                named = {word for word in re.split(r"\s{2,}", found[1])[0].split() if not word.startswith("PG_BIN")}
                assert named - {"ARGS"} <= targets, (document, code)


def test_every_address_of_the_api_that_is_named_is_served() -> None:
    served = {re.sub(r":\w+}", "}", route.path) for route in routes() if isinstance(route, Route)}
    for document in DOCUMENTS:
        for named in re.findall(r"`(/(?:api|healthz)[\w/{}]*)`", text_of(document)):
            assert named in served, (document, named)


def test_the_arguments_of_commands_are_kept_as_the_document_says() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| `([^`]+redacted[^`]+)` \|$", text_of("docs/commands.md"), re.MULTILINE)
    assert len(rows) == 3
    for given, kept in ((shlex.split(cell.replace("\\|", "|")) for cell in row) for row in rows):
        assert without_secrets(given) == kept


def test_the_reference_names_every_argument_and_every_command() -> None:
    reference = text_of("docs/reference.md")
    for function in (otel_joblog.job, otel_joblog.step):
        for name in inspect.signature(function).parameters:
            assert f"| `{name}` |" in reference
    for name in otel_joblog.__all__:
        assert f"`{name}" in reference
    for command in _COMMANDS:
        assert f"`{command}`" in reference, command
