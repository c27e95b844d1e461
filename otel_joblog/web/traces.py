"""Links to the same run, step or line in a trace viewer, such as Jaeger or Grafana."""

from __future__ import annotations

__all__ = ["Traces"]


class Traces:
    """Fills the template of the setting ``trace_url``, which has been checked; None gives no links."""

    def __init__(self, template: str | None) -> None:
        self._template = template
        self._tells_spans = template is not None and "{span_id}" in template

    def run(self, run_id: str) -> str | None:
        """The address of a run's trace, at the run's own span where the template can say so."""
        trace_id, _, span_id = run_id.partition("-")
        return self._filled(trace_id, span_id)

    def span(self, run_id: str, span_id: str) -> str | None:
        """The address of a span in a run's trace; None where the template cannot tell it from others."""
        return self._filled(run_id.partition("-")[0], span_id) if self._tells_spans else None

    def _filled(self, trace_id: str, span_id: str) -> str | None:
        if self._template is None:
            return None
        return self._template.replace("{trace_id}", trace_id).replace("{span_id}", span_id)
