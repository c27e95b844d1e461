"""OTLP in: what any OpenTelemetry SDK or collector sends becomes records, and these become rows."""
