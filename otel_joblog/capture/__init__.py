"""From user code to records. ``job``, ``step`` and friends are light; what they need is imported by the first run."""
