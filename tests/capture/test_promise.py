"""Telemetry never changes what a job prints, returns, raises or exits with: scripts run with and without it."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests import processes

PRELUDE = """\
import asyncio, atexit, contextlib, gc, io, logging, logging.config, logging.handlers, os, queue, random, signal
import sys, threading, time, warnings
from concurrent.futures import ThreadPoolExecutor
from otel_joblog import job, step, progress, current_run, Skip
"""

SCRIPTS = {
    "a result": """
        @job
        def add(a, b=2):
            print("adding", file=sys.stderr)
            return a + b
        print(add(1), add(1, b=5))
        """,
    "an exception with a cause": """
        @step
        def divide():
            try:
                1 / 0
            except ZeroDivisionError as error:
                raise ValueError("no such number") from error
        @job
        def work():
            divide()
        work()
        """,
    "an exception logged where it is caught": """
        @job
        def work():
            try:
                with open("/no/such/file"):
                    pass
            except OSError:
                logging.exception("could not")
        work()
        """,
    "sys.exit with a code": "with job('x'): sys.exit(3)",
    "sys.exit with words": "with job('x'): sys.exit('that is all')",
    "sys.exit with nothing": "with job('x'): print('so far'); sys.exit()",
    "sys.exit with a number beyond all bounds": "with job('x'): sys.exit(10**30)",
    "Ctrl-C": "with job('x'): os.kill(os.getpid(), signal.SIGINT); time.sleep(5)",
    "SIGTERM": "with job('x'): os.kill(os.getpid(), signal.SIGTERM); time.sleep(5)",
    "os._exit": "with job('x'): print('bye', flush=True); os._exit(7)",
    "a Skip": """
        with job("x"):
            raise Skip("nothing to do")
        @job
        def other():
            with step("s"):
                raise Skip(5)
            return "went on"
        print(other())
        with step("outside of any run"):
            raise Skip("it goes no further")
        """,
    "logging left alone": """
        with job("x"):
            logging.info("unseen")
            logging.warning("seen")
            logging.getLogger("a.b").error("seen, too")
        """,
    "basicConfig inside": """
        with job("x"):
            logging.basicConfig(format="%(levelname)s:%(name)s:%(lineno)d:%(funcName)s:%(message)s")
            logging.info("unseen")
            logging.warning("seen")
            logging.getLogger().setLevel(logging.DEBUG)
            logging.debug("seen now")
        logging.debug("and after")
        """,
    "dictConfig inside": """
        with job("x"):
            logging.getLogger("early").warning("one")
            logging.config.dictConfig({
                "version": 1, "formatters": {"f": {"format": "%(name)s %(message)s"}},
                "handlers": {"h": {"class": "logging.StreamHandler", "formatter": "f"}},
                "root": {"handlers": ["h"], "level": "INFO"},
            })
            logging.getLogger("early").warning("disabled now")
            logging.getLogger("late").info("two")
        """,
    "broken format arguments": """
        logging.basicConfig()
        @job
        def work():
            logging.warning("%d of them", "five")
            logging.warning("%s and %s", "one")
        work()
        """,
    "a handler that raises": """
        class Broken(logging.Handler):
            def emit(self, record):
                raise OSError("no room")
        logging.getLogger("b").addHandler(Broken())
        @job
        def work():
            logging.getLogger("b").warning("x")
        work()
        """,
    "a handler that looks for the line that logged": """
        class Forward(logging.Handler):
            def emit(self, record):
                frame = logging.currentframe()
                while frame and frame.f_code.co_filename == logging.__file__:
                    frame = frame.f_back
                print(frame.f_code.co_name, frame.f_lineno)
                frame = sys._getframe(1)
                while frame.f_globals["__name__"] == "logging":
                    frame = frame.f_back
                print(frame.f_code.co_name, frame.f_lineno)
        logging.getLogger().addHandler(Forward())
        def caller():
            logging.warning("x")
        with job("x"):
            caller()
        """,
    "levels, propagation, disabled loggers, factories": """
        old = logging.getLogRecordFactory()
        def factory(*args, **kwargs):
            record = old(*args, **kwargs)
            record.mark = "m"
            return record
        logging.basicConfig(format="%(mark)s %(name)s %(message)s", level=logging.INFO)
        with job("x"):
            logging.setLogRecordFactory(factory)
            logging.getLogger("off").disabled = True
            logging.getLogger("off").error("not this")
            lonely = logging.getLogger("lonely")
            lonely.propagate = False
            lonely.error("the last resort")
            logging.info({"not": "a string"})
            logging.info(None)
            logging.info("50%% of %(what)s", {"what": "it"})
            logging.disable(logging.CRITICAL)
            logging.critical("silence")
        """,
    "a queue between logger and handler": """
        lines = queue.Queue()
        with job("x"):
            listener = logging.handlers.QueueListener(lines, logging.StreamHandler())
            listener.start()
            logging.getLogger("q").addHandler(logging.handlers.QueueHandler(lines))
            logging.getLogger("q").propagate = False
            logging.getLogger("q").error("through the queue")
            listener.stop()
        """,
    "a thread that dies": """
        def dies():
            raise RuntimeError("in a thread")
        with job("x"):
            thread = threading.Thread(target=dies, name="T")
            thread.start(); thread.join()
        """,
    "threads of one's own kind": """
        class Own(threading.Thread):
            def run(self):
                print("own", self._args)
                super().run()
        with job("x"):
            own = Own(target=print, args=("target",))
            for thread in (own, threading.Timer(0, print, ["timer"]), threading.Thread()):
                thread.start(); thread.join()
        """,
    "a call in a pool that fails": """
        def fails(n):
            return 1 / n
        with ThreadPoolExecutor(1) as pool, job("x"):
            print(list(pool.map(fails, [1, 2])))
            pool.submit(fails, 0).result()
        """,
    "contexts in a pool": """
        import contextvars
        said = contextvars.ContextVar("said", default="nothing")
        with ThreadPoolExecutor(1, initializer=lambda: said.set("initialized")) as pool, job("x"):
            print(pool.submit(said.get).result())
            pool.submit(said.set, "by a call").result()
            print(pool.submit(said.get).result())
        """,
    "streams replaced, redirected and taken away": """
        with job("x"):
            held = io.StringIO()
            with contextlib.redirect_stdout(held):
                print("held back")
            print(repr(held.getvalue()))
            print(isinstance(sys.stdout, io.TextIOWrapper), sys.stdout.encoding, sys.stdout.fileno())
            print(sys.stdout.write("ab"))
            sys.stdout.marked = True
            sys.stderr, old = None, sys.stderr
            print("to nobody", file=sys.stderr)
            sys.stderr = old
        print(sys.stdout.marked)
        del sys.stdout
        with job("without"):
            sys.stderr.write("still there\\n")
        """,
    "a closed stdout": """
        @job
        def work():
            sys.stdout.close()
            print("into the void")
        work()
        """,
    "random numbers": """
        random.seed(42)
        with job("x"):
            print(random.random())
            with step("y"):
                time.sleep(0.6)  # the exporters fail and wait meanwhile, by chance
            print(random.random())
        print(random.random())
        """,
    "generators": """
        @job
        def counting(n):
            try:
                for i in range(n):
                    try:
                        got = yield i
                        print("got", got)
                    except KeyError as error:
                        print("thrown", error)
            finally:
                print("closing")
            return "the end"
        def outer():
            print((yield from counting(2)))
        print(list(outer()))
        going = counting(5)
        print(next(going), going.send("a"), going.throw(KeyError("k")))
        going.close()
        going = counting(5)
        next(going)
        del going
        gc.collect()
        @job
        def stubborn():
            try:
                yield 1
            except GeneratorExit:
                print("no")
                yield 2
        going = stubborn()
        next(going)
        try:
            going.close()
        except RuntimeError as error:
            print(error)
        try:
            list(counting("x"))
        except TypeError as error:
            print(error)
        list(counting())
        """,
    "async generators": """
        @job
        async def counting(n):
            try:
                for i in range(n):
                    await asyncio.sleep(0)
                    yield i
            finally:
                await asyncio.sleep(0)
                print("closing")
        async def main():
            asyncio.get_running_loop().slow_callback_duration = 60
            print([i async for i in counting(2)])
            going = counting(5)
            print(await anext(going), await going.asend(None))
            await going.aclose()
            left = counting(5)
            await anext(left)
            del left
            gc.collect()
            await asyncio.sleep(0.01)
            global kept
            kept = counting(5)
            await anext(kept)
        asyncio.run(main())
        """,
    "cancelled, timed out and grouped": """
        @job
        async def sleeping():
            try:
                await asyncio.sleep(5)
            finally:
                print("woken")
        @job
        async def impatient():
            async with asyncio.timeout(0.01):
                await sleeping()
        @job
        async def failing():
            raise ValueError("one of several")
        async def main():
            asyncio.get_running_loop().slow_callback_duration = 60
            task = asyncio.create_task(sleeping())
            await asyncio.sleep(0)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                print("cancelled")
            try:
                await impatient()
            except TimeoutError as error:
                print(repr(error), repr(error.__cause__))
            async with job("group"), asyncio.TaskGroup() as group:
                group.create_task(failing())
        asyncio.run(main())
        """,
    "endings of the interpreter": """
        atexit.register(print, "registered before")
        def late():
            with job("late"):
                print("late")
                logging.warning("at the end")
        atexit.register(late)
        with job("x"):
            atexit.register(late)
        @job
        def forever():
            while True:
                logging.getLogger("daemon").info("going on")
        class Last:
            def __del__(self):
                logging.getLogger("last").warning("words")
        last = Last()
        threading.Thread(target=forever, daemon=True).start()
        time.sleep(0.05)
        """,
    "a handler that logs and prints by another": """
        class Chatty(logging.StreamHandler):
            def emit(self, record):
                if record.name == "a":
                    logging.getLogger("b").warning("about %s", record.name)
                super().emit(record)
        logging.getLogger().addHandler(Chatty(sys.stdout))
        with job("x"):
            logging.getLogger("a").warning("first")
        """,
    "signals in the middle": """
        count = 0
        def handle(*_):
            global count
            count += 1
            logging.getLogger("signal").info("number %d", count)
            run = current_run()
            if run:
                run.set_attribute("signals", count)
            if going:  # so that a slow machine gets on between two of them
                signal.setitimer(signal.ITIMER_REAL, 0.001)
        going = True
        signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        with job("x"):
            for i in range(3000):
                logging.getLogger("main").info("line %d", i)
        going = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(count > 0)
        """,
    "a fork": """
        with job("x"):
            pid = os.fork()
            print("child" if pid == 0 else "parent", flush=True) if pid == 0 else os.waitpid(pid, 0)
            if pid == 0:
                os._exit(0)
            print("parent", flush=True)
        """,
    "things that cannot be shown": """
        class Bad:
            def __repr__(self):
                raise ZeroDivisionError
            __str__ = __repr__
            def __call__(self):
                return self
        class BadError(Exception):
            def __str__(self):
                raise ZeroDivisionError
            __notes__ = 5
        with job("x", attributes={1: Bad()}, reference=Bad()) as run:
            run.set_attribute(Bad(), Bad())
            progress(1, 2, unit=Bad())
            with step("y", stage=Bad(), task_id=Bad()):
                logging.getLogger("n").info("message", extra={"bad": Bad(), "worse": {Bad(): 10**5000}})
                logging.getLogger("n").info("\\ud800\\0", extra={"k": "\\udfff"})
        try:
            with job("y"):
                raise BadError
        except BadError as error:
            print(type(error), error.__notes__)
        """,
}  # fmt: skip


STRICTLY = ("-X", "dev", "-W", "error")
TELLING = {  # where Python's development mode has something to warn of: files, threads, generators left open
    "a thread that dies",
    "async generators",
    "endings of the interpreter",
    "generators",
    "streams replaced, redirected and taken away",
}


@pytest.mark.parametrize(
    ("name", "options"),
    [(name, ()) for name in SCRIPTS] + [(name, STRICTLY) for name in SCRIPTS if name in TELLING],
)
def test_a_script_does_the_same_with_and_without(name: str, options: tuple[str, ...], tmp_path: Path) -> None:
    enabled, disabled = processes.with_and_without(PRELUDE + dedent(SCRIPTS[name]), tmp_path, *options)
    assert enabled == disabled
    assert any(disabled)
