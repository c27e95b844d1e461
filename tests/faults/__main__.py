"""``python -m tests.faults [--scale 0.1] [case …]``: prints a row a case, fails on any line lost or stored twice."""

from __future__ import annotations

import argparse
import faulthandler
import signal
import sys
import time
import traceback
from collections.abc import Callable

from . import (
    agents,
    backends,
    children,
    crowd,
    damage,
    descriptors,
    disks,
    endings,
    hosts,
    inits,
    interruptions,
    late,
    liveness,
    network,
    outages,
)  # fmt: skip
from .bench import Bench, Hang, bench, end_all
from .tally import Tally

GROUPS = (
    endings, children, late, outages, agents, network, backends, disks, damage, descriptors, hosts, inits,
    interruptions, crowd, liveness,
)  # fmt: skip
CASES: dict[str, Callable[[Bench, Tally], None]] = {case.__name__: case for group in GROUPS for case in group.CASES}
HEAD = f"{'case':<26}{'times':>6}{'emitted':>10}{'stored':>10}{'twice':>7}{'lost':>7}{'seconds':>9}  verdicts"


def run(made: Bench, name: str, hang: float) -> Tally:
    tally = Tally(name)
    begun = time.monotonic()
    faulthandler.dump_traceback_later(hang, exit=True)
    try:
        CASES[name](made, tally)
    except Hang as hanging:
        tally.problems.append(f"HANG: {hanging}")
    except Exception:
        tally.problems.append(traceback.format_exc(limit=-4))
    finally:
        faulthandler.cancel_dump_traceback_later()
        end_all()
    tally.seconds = time.monotonic() - begun
    return tally


def show(tally: Tally) -> None:
    verdicts = ", ".join(f"{count} {said}" for said, count in tally.verdicts.most_common(4))
    print(
        f"{tally.case:<26}{tally.times:>6}{tally.emitted:>10}{tally.stored:>10}{tally.duplicated:>7}{tally.lost:>7}"
        f"{tally.seconds:>9.1f}  {verdicts}{'' if tally.good else '  FAILED'}"
    )
    for remark in tally.remarks:
        print(f"    {remark}")
    for problem in tally.problems[:5]:
        print("    ! " + problem.replace("\n", "\n      "))
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of times each case runs")
    parser.add_argument("cases", nargs="*", metavar="case", help=", ".join(CASES))
    arguments = parser.parse_args()
    if unknown := set(arguments.cases) - set(CASES):
        parser.error(f"there is no case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the background of a shell has it ignored
    print(HEAD, flush=True)
    failed = 0
    with bench(arguments.scale) as made:
        for name in arguments.cases or CASES:
            tally = run(made, name, hang=600 + 3600 * arguments.scale)
            show(tally)
            failed += not tally.good
    print(f"{failed} failed" if failed else "nothing lost, nothing twice")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
