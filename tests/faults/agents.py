"""Agents and recoverers: killed, restarted, racing."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable

from psycopg.conninfo import make_conninfo

from otel_joblog.journal.recovery import dead_journals
from otel_joblog.journal.standby import served

from .bench import HANG, Bench, Room, wait_until
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


CASES = (agent_killed, agent_stopped, racing, recoverer_killed)
