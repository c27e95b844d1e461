"""The short form of :mod:`.fuzz`: whatever is sent, it is answered properly and nothing wrong is stored."""

from __future__ import annotations

import random

import httpx
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from . import fuzz
from .serving import served

UNSHRUNK = (Phase.explicit, Phase.generate)  # a seed does not shrink


def test_whatever_is_sent_is_answered_properly_and_nothing_wrong_is_stored(dsn: str) -> None:
    with served(dsn, ingest_max_bytes=fuzz.LIMIT) as address, httpx.Client(base_url=address, timeout=110) as client:

        @settings(max_examples=300, phases=UNSHRUNK, suppress_health_check=list(HealthCheck))
        @given(st.integers(0, 2**32))
        def send(seed: int) -> None:
            path, headers, body = fuzz.request(random.Random(seed))
            response = client.post(path, headers=headers, content=body)
            assert response.status_code in fuzz.ANSWERS, response.content

        send()
        for number in range(1, 20):
            path, headers, body = fuzz.valid(number)
            assert client.post(path, headers=headers, content=body).status_code == 200
    fuzz.assert_stored_rightly(dsn, range(1, 20))


def test_a_bomb_is_refused(dsn: str) -> None:
    with served(dsn, ingest_max_bytes=fuzz.LIMIT) as address:
        headers = {"Content-Type": fuzz.PROTOBUF, "Content-Encoding": "gzip"}
        assert httpx.post(f"{address}/v1/traces", headers=headers, content=fuzz.BOMB, timeout=110).status_code == 413
