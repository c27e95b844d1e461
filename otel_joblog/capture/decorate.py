"""Wrapping a function of any kind so that something active surrounds each call.

Plain, async, generator or async generator: which kind it is must be seen again from outside (by
``inspect.iscoroutinefunction`` and the like), hence one wrapper for each. ``functools.wraps`` and no proxy object: the
result pickles, which spawn pools need.
"""

from __future__ import annotations

import functools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from typing import Any

    from .active import Active

    Begin = Callable[[tuple[Any, ...], dict[str, Any]], Active]

__all__ = ["decorate", "function_name"]

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
            result = func(*args, **kwargs)
        except BaseException as error:
            if active.finish(error):
                return None
            raise
        active.finish(None)
        return result

    return call


def _coroutine(func: Callable[..., Any], begin: Begin) -> Callable[..., Any]:
    @functools.wraps(func)
    async def call(*args: Any, **kwargs: Any) -> Any:
        active = begin(args, kwargs)
        try:
            result = await func(*args, **kwargs)
        except BaseException as error:
            if active.finish(error):
                return None
            raise
        active.finish(None)
        return result

    return call


def _generator(func: Callable[..., Generator[Any, Any, Any]], begin: Begin) -> Callable[..., Any]:
    @functools.wraps(func)
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        active = begin(args, kwargs)
        active.pause()
        generator = func(*args, **kwargs)
        advance: Callable[[], Any] = functools.partial(next, generator)
        while True:
            active.resume()
            try:
                item = advance()
            except StopIteration as stop:
                active.finish(None)
                return stop.value
            except BaseException as error:
                if active.finish(error):
                    return None
                raise
            active.pause()
            # The context is never held across the yield: it would leak into whoever consumes this.
            try:
                sent = yield item
                advance = functools.partial(generator.send, sent)
            except GeneratorExit as closed:
                active.resume()
                try:
                    generator.close()
                except BaseException as error:
                    active.finish(error)
                    raise
                active.finish(closed)
                raise
            except BaseException as thrown:
                advance = functools.partial(generator.throw, thrown)

    return call


def _async_generator(func: Callable[..., AsyncGenerator[Any, Any]], begin: Begin) -> Callable[..., Any]:
    @functools.wraps(func)
    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        active = begin(args, kwargs)
        active.pause()
        generator = func(*args, **kwargs)
        advance: Callable[[], Any] = generator.__anext__
        while True:
            active.resume()
            try:
                item = await advance()
            except StopAsyncIteration:
                active.finish(None)
                return
            except BaseException as error:
                if active.finish(error):
                    return
                raise
            active.pause()
            try:
                sent = yield item
                advance = functools.partial(generator.asend, sent)
            except GeneratorExit as closed:
                active.resume()
                try:
                    await generator.aclose()
                except BaseException as error:
                    active.finish(error)
                    raise
                active.finish(closed)
                raise
            except BaseException as thrown:
                advance = functools.partial(generator.athrow, thrown)

    return call
