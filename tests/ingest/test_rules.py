"""Runs of any language, told by what their spans say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from otel_joblog.cli.main import main
from otel_joblog.errors import ConfigError
from otel_joblog.ingest.rules import Rules

from .messages import span

CONSUMER, SERVER, INTERNAL = 5, 2, 1


def told(rules: Rules, kind: int, attributes: dict[str, Any], *, parent: int | None = None, **said: Any) -> Any:
    one = span(1, parent, kind=kind, name=said.get("name", "a span"))
    service = {"service.name": said.get("service", "shop")}
    return rules.recognise(one, parent is None, said.get("scope", "scope"), service, attributes)


@pytest.mark.parametrize(
    ("kind", "attributes", "job", "trigger"),
    [
        (CONSUMER, {"celery.action": "run", "celery.task_name": "app.send"}, "app.send", "queue"),
        (CONSUMER, {"messaging.system": "sidekiq", "messaging.sidekiq.job_class": "Mailer"}, "Mailer", "queue"),
        (CONSUMER, {"bullmq.job.id": "1", "bullmq.queue.name": "mails"}, "mails", "queue"),
        (SERVER, {"faas.trigger": "timer"}, None, "schedule"),
        (INTERNAL, {"job.system": "quartz"}, None, "schedule"),
        (INTERNAL, {"cicd.pipeline.run.id": "9", "cicd.pipeline.name": "deploy"}, "deploy", None),
    ],
)
def test_the_built_in_rules_know_queues_timers_and_pipelines(
    kind: int, attributes: dict[str, Any], job: str | None, trigger: str | None
) -> None:
    run = told(Rules.default(), kind, attributes)
    assert (run.get("joblog.job.name"), run.get("joblog.trigger")) == (job, trigger)


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        (INTERNAL, {}),
        (CONSUMER, {"messaging.system": "kafka"}),
        (4, {"messaging.system": "sidekiq"}),  # who enqueues
        (SERVER, {"faas.trigger": "http"}),
        (INTERNAL, {"cicd.pipeline.run.id": "9", "cicd.pipeline.task.name": "build"}),
    ],
)
def test_other_spans_are_no_runs(kind: int, attributes: dict[str, Any]) -> None:
    assert told(Rules.default(), kind, attributes) is None


def test_a_file_comes_before_the_built_in_rules_or_instead_of_them(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    own = (
        '[[run]]\nname = "own"\nservices = ["shop-*"]\nspans = ["import *"]\nroot = true\n'
        'type = "cron"\njob = ["job.name"]\n'
    )
    file.write_text(own)
    fits = {"service": "shop-1", "name": "import orders"}
    assert told(Rules.of(file), INTERNAL, {"job.name": "orders"}, **fits) == {
        "joblog.job.type": "cron",
        "joblog.job.name": "orders",
    }
    assert told(Rules.of(file), INTERNAL, {}, parent=2, **fits) is None
    assert told(Rules.of(file), CONSUMER, {"messaging.system": "sidekiq"}) is not None
    file.write_text("builtin = false\n" + own)
    assert told(Rules.of(file), CONSUMER, {"messaging.system": "sidekiq"}) is None


@pytest.mark.parametrize("text", ["[[run]]", "run = 1", "[[run]]\nname = 'x'\nkindz = []", "not toml", "\0"])
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "rules.toml").write_text(text)
    with pytest.raises(ConfigError, match="OTEL_JOBLOG_INGEST_RULES"):
        Rules.of(tmp_path / "rules.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        Rules.of(tmp_path / "missing.toml")


def test_beyond_loopback_a_token_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_JOBLOG_INGEST_TOKEN", raising=False)
    result = CliRunner().invoke(main, ["ingest", "--host", "0.0.0.0", "--port", "0"])
    assert result.exit_code == 1
    assert "OTEL_JOBLOG_INGEST_TOKEN" in result.output
