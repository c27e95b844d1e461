"""How runs and steps lie inside one another: by OTel's own context, in which the innermost one travels.

It lies there beside the current span, so that whatever carries one carries the other. Leaving one sets the context that
was there before instead of resetting a token: that cannot fail, in whatever thread or task a generator happens to be
closed.
"""

from __future__ import annotations

from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import Span
from opentelemetry.trace.propagation import _SPAN_KEY

from ..conventions import CONTEXT_KEY
from .context import attach, get_current

__all__ = ["Nested"]


class Nested:
    """What is entered and left."""

    parent: Nested | None
    entered: bool  # True from its beginning to its end, recorded or not
    recording: bool  # True while lines, steps and progress are taken
    hidden: bool  # nothing is to be recorded, nor of what runs inside
    _span: Span
    _outer: Context | None
    _inner: Context | None = None

    def pause(self) -> None:
        """Leave its context for a while (a generator that yields)."""
        if self._outer is not None:
            self._inner = get_current()
            attach(self._outer)

    def resume(self) -> None:
        """Enter its context again, from wherever the generator is continued."""
        if self._inner is not None:
            self._outer = get_current()
            attach(self._inner)
            self._inner = None

    def _hide(self) -> None:
        """Be there, so that nothing of what runs inside is taken for a part of what runs outside."""
        self.hidden = True
        self._surround()

    def _surround(self) -> None:
        """Be there, though nothing is recorded."""
        attach(Context({**self._enter(), CONTEXT_KEY: self}))

    def _enter(self) -> Context:
        self.entered = True
        outer = self._outer = get_current()
        return outer

    def _surroundings(self, outer: Context) -> Context:
        """The context that its span begins in, where it begins in this one: a parent that has ended is passed over."""
        innermost: Any = outer.get(CONTEXT_KEY)
        parent = self.parent
        if innermost is parent or parent is None or outer.get(_SPAN_KEY) is not innermost._span:
            return outer
        return Context({**outer, _SPAN_KEY: parent._span})

    def _leave(self) -> None:
        self.recording = self.entered = False
        outer = self._outer
        if outer is None:
            return
        innermost: Any = get_current().get(CONTEXT_KEY)
        if innermost is not self:
            # Only from where it is current: it may be left in a context that never was its own.
            if innermost is None or not _is_inside(innermost, self):
                self._outer = None
                return
            if innermost.entered and innermost.run.entered:
                return  # what began later goes on: it leaves to the context that this one leaves to
        around: Any = outer.get(CONTEXT_KEY)
        attach(outer if around is None or around.entered else _not_ended(outer))
        self._outer = None


def _is_inside(active: Nested, other: Nested) -> bool:
    around = active.parent
    while around is not None and around is not other:
        around = around.parent
    return around is other


def _not_ended(context: Context) -> Context:
    """The context, or that further out which those of it that have ended, out of turn, were to leave to."""
    found: Any = context.get(CONTEXT_KEY)
    while found is not None and not found.entered and found._outer is not None:
        context, found._outer = found._outer, None
        found = context.get(CONTEXT_KEY)
    return context
