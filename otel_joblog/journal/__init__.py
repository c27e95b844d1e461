"""The journal: an append-only file per process between a job and whatever consumes what it emits."""
