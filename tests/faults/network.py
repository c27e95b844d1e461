"""PostgreSQL behind a network that cuts, delays and swallows."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator

from psycopg.conninfo import make_conninfo

from .bench import Bench, Room
from .outages import under_load
from .proxy import Proxy
from .tally import Tally


@contextlib.contextmanager
def behind_proxy(bench: Bench, mode: str = "pass") -> Iterator[tuple[Room, Proxy]]:
    room = bench.room()
    with Proxy(bench.server.socket_dir / ".s.PGSQL.5432", mode) as proxy:
        room.dsn = make_conninfo(room.direct, host="127.0.0.1", port=proxy.port)
        yield room, proxy


def network(bench: Bench, tally: Tally, mode: str, *, cut_after: bool) -> None:
    cuts = 0
    for _ in bench.times(5):
        with behind_proxy(bench) as (room, proxy):
            under_load(room, bench.outage() + 8)
            proxy.mode = mode
            time.sleep(bench.outage() + 3)
            proxy.mode = "pass"
            if cut_after:
                proxy.cut()
            room.settle(tally, "success")
            tally.times += 1
            cuts += proxy.cuts
    if mode == "cut":
        tally.remarks.append(f"{cuts} connections cut")


def proxy_cuts(bench: Bench, tally: Tally) -> None:
    """connections cut after some bytes, over and over"""
    network(bench, tally, "cut", cut_after=False)


def proxy_delays(bench: Bench, tally: Tally) -> None:
    """every answer delayed by 5 s"""
    network(bench, tally, "delay", cut_after=False)


def proxy_swallows(bench: Bench, tally: Tally) -> None:
    """connections black-holed, then reset"""
    network(bench, tally, "swallow", cut_after=True)


def proxy_swallows_for_ever(bench: Bench, tally: Tally) -> None:
    """connections black-holed and never reset; only new ones work again"""
    network(bench, tally, "swallow", cut_after=False)


def proxy_swallows_agent(bench: Bench, tally: Tally) -> None:
    """connections black-holed under an agent: SIGTERM ends it all the same, and the next one brings everything"""
    for _ in bench.times(5):
        with behind_proxy(bench) as (room, proxy):
            agent = room.command("agent")
            under_load(room, bench.outage() + 3)
            time.sleep(1.5)
            proxy.mode = "swallow"
            time.sleep(1)
            agent.terminate()
            begun = time.monotonic()
            try:
                agent.wait(30)
            except subprocess.TimeoutExpired:
                tally.problems.append("the agent does not end by SIGTERM while its connection is black-holed")
                agent.kill()
                agent.wait()
            tally.remarks.append(f"the agent ended {time.monotonic() - begun:.1f} s after SIGTERM")
            proxy.mode = "pass"
            agent = room.command("agent")
            room.settle(tally, "success")
            agent.terminate()
            agent.wait(30)
            tally.times += 1


CASES = (proxy_swallows_agent, proxy_cuts, proxy_delays, proxy_swallows, proxy_swallows_for_ever)
