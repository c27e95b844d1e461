"""Wrapping a function of any kind so that something active surrounds each call.

Plain, async, generator or async generator: which kind it is must be seen again from outside (by
``inspect.iscoroutinefunction`` and the like), hence one wrapper for each. ``functools.wraps`` and no proxy object: the
result pickles, which spawn pools need.
"""

from __future__ import annotations

import functools
import sys

from .frames import forget_frame

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
    from typing import Any, TypeGuard

    from .active import Active

    Begin = Callable[[tuple[Any, ...], dict[str, Any]], Active]

__all__ = ["decorable", "decorate", "function_name"]

# inspect.CO_*; inspect itself costs more to import than all of this package's front.
_GENERATOR = 0x20
_COROUTINE = 0x80
_ASYNC_GENERATOR = 0x200


def decorate(func: Any, begin: Begin) -> Any:
    """A function that behaves as ``func`` and runs between ``begin(args, kwargs)`` and the ``finish`` of its result."""
    if isinstance(func, staticmethod | classmethod):
        return type(func)(decorate(func.__func__, begin))
    if isinstance(func, type) or not callable(func):
        raise TypeError(f"job and step decorate functions and methods, not {func!r}")
    flags = _code_flags(func)
    if flags & _ASYNC_GENERATOR:
        return _async_generator(func, begin)
    if flags & _COROUTINE or getattr(func, "_is_coroutine_mark", None) is not None:
        return _coroutine(func, begin)
    if flags & _GENERATOR:
        return _generator(func, begin)
    return _plain(func, begin)


def decorable(given: Any) -> TypeGuard[Callable[..., Any]]:
    """Whether a decorator used without brackets was given this to decorate."""
    return callable(given) or isinstance(given, classmethod)


def function_name(func: Any) -> str:
    """What a job or step is called when it is not told: the function's name, with its class."""
    while isinstance(func, functools.partial | staticmethod | classmethod):
        func = func.func if isinstance(func, functools.partial) else func.__func__
    name = getattr(func, "__qualname__", None) or type(func).__qualname__
    return str(name).rpartition("<locals>.")[2]


def _code_flags(func: Any) -> int:
    while isinstance(func, functools.partial):
        func = func.func
    func = getattr(func, "__func__", func)
    code = getattr(func, "__code__", None) or getattr(type(func).__call__, "__code__", None)
    return int(getattr(code, "co_flags", 0))


def _plain(func: Callable[..., Any], begin: Begin) -> Callable[..., Any]:
    @functools.wraps(func)
    def call(*args: Any, **kwargs: Any) -> Any:
        active = begin(args, kwargs)
        try:
            try:
                result = func(*args, **kwargs)
            except BaseException as error:
                forget_frame(error)
                if active.finish(error):
                    return None
                raise
            if result is not None:
                active.returned(result)
            active.finish(None)
            return result
        finally:
            if active.entered:  # an exception from elsewhere came on the way to its end
                active.finish(sys.exception())

    return call


def _coroutine(func: Callable[..., Any], begin: Begin) -> Callable[..., Any]:
    @functools.wraps(func)
    async def call(*args: Any, **kwargs: Any) -> Any:
        active = begin(args, kwargs)
        try:
            try:
                result = await func(*args, **kwargs)
            except BaseException as error:
                forget_frame(error)
                if active.finish(error):
                    return None
                raise
            if result is not None:
                active.returned(result)
            active.finish(None)
            return result
        finally:
            if active.entered:  # an exception from elsewhere came on the way to its end
                active.finish(sys.exception())

    return call


# The context of a generator's run is never held across a yield: it would leak into whoever consumes the generator.


def _generator(func: Callable[..., Generator[Any, Any, Any]], begin: Begin) -> Callable[..., Any]:
    @functools.wraps(func)
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        active = begin(args, kwargs)
        generator: Generator[Any, Any, Any] | None = None
        sent: Any = None
        thrown: BaseException | None = None
        try:
            while True:
                try:
                    if generator is None:
                        generator = func(*args, **kwargs)
                    if thrown is None:
                        item = generator.send(sent)
                    else:
                        item = generator.throw(thrown)
                        thrown = None
                except StopIteration as stop:
                    if stop.value is not None:
                        active.returned(stop.value)
                    active.finish(None)
                    return stop.value
                except BaseException as error:
                    forget_frame(error)
                    if active.finish(error):
                        return None
                    raise
                active.pause()
                try:
                    sent = yield item
                except BaseException as error:  # GeneratorExit, too: the generator may have its own way with it
                    forget_frame(error)
                    thrown = error
                item = None  # not kept alive while the next one is made
                active.resume()
        finally:
            if active.entered:
                active.finish(sys.exception())

    return call


def _async_generator(func: Callable[..., AsyncGenerator[Any, Any]], begin: Begin) -> Callable[..., Any]:
    @functools.wraps(func)
    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        active = begin(args, kwargs)
        generator: AsyncGenerator[Any, Any] | None = None
        sent: Any = None
        thrown: BaseException | None = None
        try:
            while True:
                try:
                    if generator is None:
                        generator = func(*args, **kwargs)
                        item = await _unhooked(generator)
                    elif thrown is None:
                        item = await generator.asend(sent)
                    else:
                        item = await generator.athrow(thrown)
                        thrown = None
                except StopAsyncIteration:
                    active.finish(None)
                    return
                except BaseException as error:
                    forget_frame(error)
                    if active.finish(error):
                        return
                    raise
                active.pause()
                try:
                    sent = yield item
                except BaseException as error:
                    forget_frame(error)
                    thrown = error
                item = None
                active.resume()
        finally:
            if active.entered:
                active.finish(sys.exception())

    return call


def _unhooked(generator: AsyncGenerator[Any, Any]) -> Awaitable[Any]:
    """Its first step, unseen by the event loop, which would close it a second time, at once with the one around it."""
    hooks = sys.get_asyncgen_hooks()
    try:
        sys.set_asyncgen_hooks(None, None)
        return generator.asend(None)
    finally:
        sys.set_asyncgen_hooks(*hooks)
