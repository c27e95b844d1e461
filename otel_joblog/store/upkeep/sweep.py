"""Days past the retention are dropped, and made anew with the rows that are to stay: those of runs that still exist.

How a day is swept, each of its tables by itself:

1. The rows that stay are copied to a new table (``…_kept``), with its indexes. Nobody is locked out.
2. In one short transaction the day is detached and renamed (``…_old``), and the copy takes its place. Readers see the
   one or the other. Writers wait for some tenths of a second at most: where the lock is not to be had at once, it is
   given up and tried again later.
3. Rows that came to the old day after the copy was made are brought over, and it is dropped: nobody else sees it now.

A sweep that is killed leaves one of these tables: a copy that took no place is dropped, an old day goes on with step 3.
"""

from __future__ import annotations

import time
from datetime import date
from typing import LiteralString

from psycopg import Connection, sql
from psycopg.errors import LockNotAvailable

from ..schema.partitions import TABLES, names_of_day, partition_name
from ..sql import query

__all__ = ["delete_strays", "sweep_a_day"]

_PAUSES = (0.25, 0.5, 1.0, 2.0, 2.0)  # seconds between attempts to get the lock
_STRAYS = 5_000  # rows deleted at once

# A run's rows lie between its first and its last sign of life, samples and clocks of other hosts give or take a day.
_KEEP = """
insert into {target}
select kept.*
from (
  select trace_id, span_id from joblog.job_run
  where least(started_at, first_at) < {high}::timestamptz + interval '1 day'
    and (status <= 1 or greatest(started_at, ended_at, last_at, progress_at) >= {low}::timestamptz - interval '1 day')
) as run
cross join lateral (
  select * from {source} as part
  where part.trace_id = run.trace_id and part.run_span_id = run.span_id
  offset 0
) as kept
on conflict do nothing
"""

# A step that went on in the old day after the copy was made: the copy's row gives way.
_OUTDATED_STEPS = """
delete from {table} as step
using {source} as old
where step.trace_id = old.trace_id and step.started_at = old.started_at and step.span_id = old.span_id
  and step.started_at >= {low} and step.started_at < {high}
  and joblog.finality(old.status) > joblog.finality(step.status)
"""

# So that the copy need not be looked through when it takes its place, while everybody waits.
_OF_DAY = "alter table {kept} add constraint of_day check ({time} >= {low} and {time} < {high})"

_STRAY_ROWS = """
delete from {default} where ctid = any(array(
  select ctid from {default} as stray
  where ({time} < {before}::timestamptz or {time} > now() + interval '2 days')
    and not exists (
      select from joblog.job_run as run where run.trace_id = stray.trace_id and run.span_id = stray.run_span_id
    )
  limit {limit}
))
"""


def sweep_a_day(connection: Connection, before: date) -> date | None:
    """Sweeps the oldest day before that one which may need it; on an autocommit connection. None: no day does.

    Raises ``LockNotAvailable`` where the tables are in use for long, as by an export: then another time will do.
    """
    _finish_what_was_left(connection)
    found = connection.execute(query("upkeep/retain/unswept_days"), {"before": before}).fetchone()
    if found is None:
        return None
    day: date = found[0]
    for table in TABLES:
        _sweep(connection, table, day)
    names = [partition_name(table, day) for table in TABLES]
    freed = found[1] - sum(_size(connection, name) or 0 for name in names)
    connection.execute(query("upkeep/retain/swept"), {"day": day, "bytes": freed, "names": names})
    return day


def delete_strays(connection: Connection, before: date) -> bool:
    """Deletes some rows of no run from the default partitions: of times before that day, or in the future."""
    deleted = 0
    for table, column in TABLES.items():
        names = names_of_day(table, before) | {"time": sql.Identifier(column), "limit": sql.Literal(_STRAYS)}
        deleted += connection.execute(sql.SQL(_STRAY_ROWS).format(before=names["low"], **names)).rowcount
    return deleted > 0


def _sweep(connection: Connection, table: str, day: date) -> None:
    if _size(connection, partition_name(table, day)) is None:
        return
    names = _names(table, day)
    with connection.transaction():
        _execute(connection, "create table {kept} (like {table} including all)", names)
        stays = _execute(connection, _KEEP, names | {"target": names["kept"], "source": names["day"]}) > 0
        if stays:
            _execute(connection, _OF_DAY, names)
            _execute(connection, "analyze {kept}", names)
        else:
            _execute(connection, "drop table {kept}", names)
    _switch(connection, names, stays=stays)
    _finish(connection, table, names)


def _switch(connection: Connection, names: dict[str, sql.Composable], *, stays: bool) -> None:
    for pause in _PAUSES:
        try:
            _try_to_switch(connection, names, stays=stays)
        except LockNotAvailable:
            time.sleep(pause)
        else:
            return
    _try_to_switch(connection, names, stays=stays)


def _try_to_switch(connection: Connection, names: dict[str, sql.Composable], *, stays: bool) -> None:
    statements: list[LiteralString] = [
        "lock table only {table} in access exclusive mode",
        "alter table {table} detach partition {day}",
        "alter table {day} rename to {old_name}",
    ]
    if stays:
        statements += [
            "alter table {kept} rename to {day_name}",
            "alter table {table} attach partition {day} for values from ({low}) to ({high})",
            "alter table {day} drop constraint of_day",
        ]
    with connection.transaction():
        connection.execute(query("upkeep/retain/be_quick"))
        connection.execute(query("schema/lock_days"))
        for statement in statements:
            _execute(connection, statement, names)


def _finish(connection: Connection, table: str, names: dict[str, sql.Composable]) -> None:
    names = names | {"target": names["table"], "source": names["old"]}
    with connection.transaction():
        if table == "job_step":
            _execute(connection, _OUTDATED_STEPS, names)
        _execute(connection, _KEEP, names)
        _execute(connection, "drop table {old}", names)


def _finish_what_was_left(connection: Connection) -> None:
    for table, day, old in connection.execute(query("upkeep/retain/left_tables")).fetchall():
        names = _names(table, day)
        if old:
            _finish(connection, table, names)
        else:
            _execute(connection, "drop table {kept}", names)


def _size(connection: Connection, name: str) -> int | None:
    """Bytes of a table and its indexes; None where there is none."""
    row = connection.execute(query("upkeep/retain/table_size"), {"table": f"joblog.{name}"}).fetchone()
    return None if row is None else row[0]


def _execute(connection: Connection, statement: LiteralString, names: dict[str, sql.Composable]) -> int:
    return connection.execute(sql.SQL(statement).format(**names)).rowcount


def _names(table: str, day: date) -> dict[str, sql.Composable]:
    name = partition_name(table, day)
    return names_of_day(table, day) | {
        "time": sql.Identifier(TABLES[table]),
        "kept": sql.Identifier("joblog", f"{name}_kept"),
        "old": sql.Identifier("joblog", f"{name}_old"),
        "day_name": sql.Identifier(name),
        "old_name": sql.Identifier(f"{name}_old"),
    }
