"""The configurations are taken by the collector that runs them, and lose nothing by a setting."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from .programs import COLLECTOR, CONFIGURATIONS, JAEGER

ALONE = ("config.yaml", "agent.yaml")
DEPLOYED = [("config.yaml",), ("agent.yaml",), ("config.yaml", "remote.yaml")]
TOKENS = {"OTEL_JOBLOG_INGEST_TOKEN": "t", "COLLECTOR_GATEWAY_TOKEN": "t"}


def parsed(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((CONFIGURATIONS / name).read_text())
    return read


def validated(program: Path, *files: str, **variables: str) -> subprocess.CompletedProcess[str]:
    options = [word for name in files for word in ("--config", str(CONFIGURATIONS / name))]
    return subprocess.run(
        [program, "validate", *options], env=variables, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.skipif(not COLLECTOR.exists(), reason="make collector builds it")
@pytest.mark.parametrize("files", DEPLOYED, ids=" ".join)
def test_the_collector_takes_every_configuration(files: tuple[str, ...], certificate: tuple[str, str]) -> None:
    tls = dict(zip(("COLLECTOR_CERTIFICATE", "COLLECTOR_CERTIFICATE_KEY"), certificate, strict=True))
    done = validated(COLLECTOR, *files, **TOKENS, **tls)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not COLLECTOR.exists(), reason="make collector builds it")
@pytest.mark.parametrize("files", DEPLOYED, ids=" ".join)
def test_without_its_token_it_does_not_start(files: tuple[str, ...]) -> None:
    done = validated(COLLECTOR, *files)
    assert done.returncode == 1
    assert "no bearer token provided" in done.stderr


@pytest.mark.skipif(not JAEGER.exists(), reason="make jaeger builds it")
def test_jaeger_takes_its_configuration() -> None:
    done = validated(JAEGER, "jaeger/config.yaml")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ALONE)
def test_what_is_accepted_is_on_disk_until_it_was_handed_on(name: str) -> None:
    configuration = parsed(name)
    senders = {name: of for name, of in configuration["exporters"].items() if name.startswith("otlp")}
    assert senders
    for exporter in senders.values():
        queue = exporter["sending_queue"]
        assert queue["storage"] in configuration["extensions"]
        assert queue["storage"] in configuration["service"]["extensions"], "validate does not see that one is missing"
        assert queue["block_on_overflow"] is True
        assert queue["batch"]["max_size"] < 4 * 2**20, "gRPC receivers refuse more, and the collector then drops it"
        assert exporter["retry_on_failure"]["max_elapsed_time"] == "0s", "for ever"


@pytest.mark.parametrize("name", ALONE)
def test_receivers_listen_on_loopback_unless_told_otherwise(name: str) -> None:
    for protocol in parsed(name)["receivers"]["otlp"]["protocols"].values():
        assert re.match(r"(127\.0\.0\.1|\$\{env:COLLECTOR_HOST:-127\.0\.0\.1\}):\d+$", protocol["endpoint"])


def test_who_is_let_in_from_elsewhere_shows_a_token_and_speaks_tls() -> None:
    remote = parsed("remote.yaml")["receivers"]["otlp/hosts"]["protocols"]
    assert list(remote) == ["grpc"]
    assert remote["grpc"]["auth"] == {"authenticator": "bearertokenauth/hosts"}
    assert set(remote["grpc"]["tls"]) == {"cert_file", "key_file"}


def test_what_the_overlay_repeats_is_that_of_the_gateway() -> None:
    gateway, remote = parsed("config.yaml")["service"], parsed("remote.yaml")["service"]
    assert remote["extensions"][: len(gateway["extensions"])] == gateway["extensions"]
    for name, pipeline in remote["pipelines"].items():
        assert pipeline["receivers"] == [*gateway["pipelines"][name]["receivers"], "otlp/hosts"]


@pytest.mark.parametrize("name", [*ALONE, "remote.yaml", "jaeger/config.yaml"])
def test_every_variable_is_described(name: str) -> None:
    readme = (CONFIGURATIONS / "README.md").read_text()
    for variable in re.findall(r"\$\{env:(\w+)", (CONFIGURATIONS / name).read_text()):
        assert f"| `{variable}` |" in readme, f"{name} reads {variable}"


def test_the_distribution_holds_what_the_builder_file_names() -> None:
    components = [
        part["gomod"]
        for group in ("receivers", "processors", "connectors", "exporters", "extensions", "providers")
        for part in parsed("builder.yaml")[group]
    ]
    required = (CONFIGURATIONS / "distribution" / "go.mod").read_text()
    for component in components:
        assert f"\t{component}\n" in required


def test_images_and_modules_are_of_the_same_versions() -> None:
    """What the tests run is what docker-compose.yml runs."""
    compose = (CONFIGURATIONS.parent / "docker-compose.yml").read_text()
    version = parsed("builder.yaml")["dist"]["version"]
    assert f"image: otelcol-joblog:{version}\n" in compose
    module = re.search(r"jaegertracing/jaeger v1\.(\d+)\.(\d+)\n", (CONFIGURATIONS / "jaeger" / "go.mod").read_text())
    assert module
    minor, patch = module.groups()  # 1.76.0 is 2.13.0
    assert f"image: jaegertracing/jaeger:2.{int(minor) - 63}.{patch}\n" in compose
