"""Agents and recoverers: killed, restarted, racing."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable

import psycopg
from psycopg.conninfo import make_conninfo

from otel_joblog.journal.claims import FROZEN
from otel_joblog.journal.recovery import dead_journals
from otel_joblog.journal.standby import served

from .bench import HANG, Bench, Room, wait_until
from .endpoint import Endpoint
from .tally import Tally

DEAD = 50


def processes(bench: Bench) -> int:
    return 50 if bench.scale >= 0.5 else 16


def agent_killed(bench: Bench, tally: Tally) -> None:
    """the agent killed and restarted under 50 logging processes"""
    interrupted(bench, tally, signal.SIGKILL, lambda: random.uniform(0.0, 2.0))


def agent_stopped(bench: Bench, tally: Tally) -> None:
    """the agent stopped and started every second under 50 logging processes"""
    interrupted(bench, tally, signal.SIGTERM, lambda: 1.0)


def interrupted(bench: Bench, tally: Tally, number: int, seconds: Callable[[], float]) -> None:
    """Agents that are sent this signal after so many seconds at work, one after the other."""
    for _ in bench.times(5):
        room = bench.room()
        for _ in range(processes(bench)):
            room.work(threads=2, lines=1500, pause=0.005)
        for _ in range(5):
            agent = room.command("agent")
            wait_until(lambda room=room: served(room.state / "journal"), HANG, "the agent at work")
            time.sleep(seconds())
            agent.send_signal(number)
            agent.wait(HANG)
        agent = room.command("agent")
        for worker in room.workers:
            worker.end(2 * HANG)
        agent.send_signal(signal.SIGTERM)
        agent.wait(HANG)
        room.settle(tally, "success")
        tally.times += 1


def dead_room(bench: Bench, lines: int) -> Room:
    """A room with the journals of 50 dead processes, of which nothing has been shipped; each was killed in its run."""
    room = bench.room()
    close_door(room)
    room.work("orphans", threads=DEAD, lines=lines).end()
    return room


def close_door(room: Room) -> None:
    """Nothing can be shipped before :func:`open_door`, and then to what has been the target all along."""
    nowhere = room.folder / "nowhere"
    nowhere.mkdir()
    room.dsn = make_conninfo(room.direct, host=str(nowhere))


def open_door(bench: Bench, room: Room) -> None:
    (room.folder / "nowhere" / ".s.PGSQL.5432").symlink_to(bench.server.socket_dir / ".s.PGSQL.5432")


VANISHED = "lost · the process vanished"


def racing(bench: Bench, tally: Tally) -> None:
    """two recoverers and an agent race for 50 dead journals"""
    for _ in bench.times(10):
        room = dead_room(bench, 300)
        found = len(dead_journals(room.state / "journal"))
        tally.expect(found == DEAD, f"{found} dead journals instead of {DEAD}")
        open_door(bench, room)
        racers = [room.command("recover"), room.command("agent"), room.command("recover")]
        wait_until(lambda room=room: not dead_journals(room.state / "journal"), HANG, "the end of the race")
        racers[1].terminate()
        for racer in racers:
            racer.wait(HANG)
        room.settle(tally, VANISHED)
        tally.times += 1


def recoverer_killed(bench: Bench, tally: Tally) -> None:
    """recoverers killed in the middle of 50 dead journals"""
    for _ in bench.times(10):
        room = dead_room(bench, 2000)
        open_door(bench, room)
        for _ in range(4):
            recoverer = room.command("recover")
            before = len(dead_journals(room.state / "journal"))
            wait_until(
                lambda room=room, before=before, recoverer=recoverer: (
                    len(dead_journals(room.state / "journal")) < before or recoverer.poll() is not None
                ),
                HANG,
                "the first journal recovered",
            )
            time.sleep(random.uniform(0, 0.3))
            recoverer.kill()
            recoverer.wait()
        left = len(dead_journals(room.state / "journal"))
        tally.remarks.append(f"{left} of {DEAD} journals were left after 4 kills")
        room.settle(tally, VANISHED)
        tally.times += 1


def agent_without_the_exporter(bench: Bench, tally: Tally) -> None:
    """an agent without the jobs' OTLP endpoint, or of another database: each job ships what the agent does not"""
    for number in bench.times(6):
        room = bench.room()
        other = bench.room().dsn
        with Endpoint("well") as endpoint:
            there = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint.url}
            agent = room.command("agent", **({} if number % 2 else {"OTEL_JOBLOG_DSN": other}))
            wait_until(lambda room=room: served(room.state / "journal"), HANG, "the agent at work")
            room.environment = there
            workers = [room.work(lines=500, pause=0.005) for _ in range(4)]
            for worker in workers:
                worker.end()
            wait_until(
                lambda endpoint=endpoint, workers=workers: all(one.name in endpoint.names for one in workers),
                HANG,
                "the spans of all jobs, while the agent goes on",
            )
            agent.terminate()
            agent.wait(HANG)
            room.settle(tally, "success")
            spans = [endpoint.names.count(worker.name) for worker in workers]
            tally.expect(spans == [1] * len(workers), f"so many spans of each job arrived: {spans}")
        tally.times += 1


def agent_frozen(bench: Bench, tally: Tally) -> None:
    """the agent stopped by SIGSTOP under logging processes, which ship for themselves, and then going on"""
    for _ in bench.times(3):
        room = bench.room()
        agent = room.command("agent")
        wait_until(lambda room=room: served(room.state / "journal"), HANG, "the agent at work")
        workers = [room.work(threads=2, lines=6000, pause=0.01) for _ in range(8)]
        for worker in workers:
            worker.begun(100)
        agent.send_signal(signal.SIGSTOP)
        time.sleep(FROZEN)
        wanted = {worker.name: worker.counts[0] for worker in workers}
        wait_until(
            lambda room=room, wanted=wanted: not missing(room, wanted), HANG, "what was logged under a stopped agent"
        )
        tally.expect(
            any(worker.process.poll() is None for worker in workers), "the jobs were over before they took over"
        )
        agent.send_signal(signal.SIGCONT)
        for worker in workers:
            worker.end(2 * HANG)
        agent.terminate()
        agent.wait(HANG)
        room.settle(tally, "success")
        tally.times += 1


def missing(room: Room, wanted: dict[str, int]) -> list[str]:
    """The workers of whose first thread the line with that number is not stored."""
    messages = [f"{name} 0 {number}" for name, number in wanted.items()]
    with psycopg.connect(room.direct) as connection:
        found = connection.execute("select message from joblog.job_log where message = any(%s)", [messages]).fetchall()
    return sorted(set(messages) - {message for (message,) in found})


def destination_changed(bench: Bench, tally: Tally) -> None:
    """jobs killed or ended for another database and a collector that is gone: sent on and dropped by command"""
    for _ in bench.times(5):
        room = bench.room()
        close_door(room)
        gone = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
        room.work("orphans", threads=8, lines=300, **gone).end()
        for ending in ("end", "sigkill"):
            room.work(ending, lines=300, **gone).end()
        found = len(dead_journals(room.state / "journal"))
        tally.expect(found == 10, f"{found} journals wait instead of 10")
        room.dsn = room.direct  # the same database by another address
        left = room.command("recover")
        tally.expect(left.wait(HANG) == 1, "recover said that nothing has to stay")
        said = (room.folder / "recover.log").read_text()
        tally.expect("which nothing here ships to" in said, f"recover said only {said!r}")
        senders = [room.command("journal", "send", "nowhere") for _ in range(2)]  # two at once
        for sender in senders:
            sender.wait(HANG)
        tally.expect(room.command("journal", "send", "nowhere").wait(HANG) == 1, "something was left to be sent")
        tally.expect(
            room.command("journal", "drop", "otlp", "--yes").wait(HANG) == 0, "the collector's was not dropped"
        )
        left_over = dead_journals(room.state / "journal")
        tally.expect(not left_over, f"{len(left_over)} journals are left")
        room.settle(tally, "success", VANISHED, "lost · killed by SIGKILL", "lost")
        tally.times += 1


CASES = (
    agent_killed,
    agent_stopped,
    agent_frozen,
    agent_without_the_exporter,
    destination_changed,
    racing,
    recoverer_killed,
)
