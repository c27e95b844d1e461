"""How user code sees the public API: checked by ``mypy --strict``, never run."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterator
from typing import Any, assert_type

from otel_joblog import Skip, configure, current_run, flush, job, progress, shutdown, step, track
from otel_joblog.capture.handles import Run, Step


@job
def bare(a: int, *, b: str = "") -> float:
    return a + len(b)


@job("named", type="cron", owner="me", reference=lambda a: f"a-{a}", expected=5.0, attributes={"k": 1})
def named(a: int) -> list[int]:
    return [a]


@step
async def asynchronous(a: bytes) -> str:
    return a.decode()


@step("counting", stage="one", task_id="t")
def counting(n: int) -> Generator[int, str, bool]:
    yield n
    return True


@job()
async def streaming(n: int) -> AsyncGenerator[int, None]:
    yield n


class Service:
    @job
    def method(self, a: int) -> str:
        return str(a)

    @classmethod
    @step
    def made(cls) -> Service:
        return cls()

    @staticmethod
    @job("static")
    def static(a: int) -> int:
        return a

    @property
    @step
    def size(self) -> int:
        return 1


assert_type(bare(1, b="x"), float)
assert_type(named(1), list[int])
assert_type(counting(1), Generator[int, str, bool])
assert_type(streaming(1), AsyncGenerator[int, None])
assert_type(Service().method(1), str)
assert_type(Service.made(), Service)
assert_type(Service.static(1), int)
assert_type(Service().size, int)
takes_bytes: Callable[[bytes], Coroutine[Any, Any, str]] = asynchronous

bare("one")  # type: ignore[arg-type]
bare(1, c=2)  # type: ignore[call-arg]
named()  # type: ignore[call-arg]
job(5)  # type: ignore[call-overload]

with job("block", steps=2, arguments=["a"], resources=False, attempt=2, max_attempts=3, parent="", links=[{}]) as run:
    assert_type(run, Run)
    assert_type(run.run_id, str)
    run.set_attribute("k", 1)
    run.set_result(records=1)
    assert_type(track([1, 2], unit="rows"), Iterator[int])
    assert_type(track(streaming(1), total=1), AsyncIterator[int])
    with step("part") as part:
        assert_type(part, Step)
    progress(1, 2.5, "rows")
    raise Skip("reason")


async def main() -> None:
    assert_type(await asynchronous(b""), str)
    async with job("block") as run, step("part") as part:
        assert_type(run, Run)
        assert_type(part, Step)


assert_type(current_run(), Run | None)
assert_type(flush(), bool)
assert_type(shutdown(1.0), bool)
configure(dsn="postgresql://", log_level="DEBUG")
