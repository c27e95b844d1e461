"""What runs until it is told to stop: the viewer's process and the HTTP server of ``serve`` and ``ingest``."""
