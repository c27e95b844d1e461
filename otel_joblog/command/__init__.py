"""``otel-joblog run``: any command as a run, with its output, its exit and what it used.

::

    command ─two pipes─▶ wrapper ─▶ its own stdout and stderr
                            └─pipe─▶ scribe ─▶ journal ◀─ courier ─▶ PostgreSQL, OTLP

Three processes, so that none can harm the one before it:

1. The *wrapper* (:mod:`.wrapper`) is what was called. It imports next to nothing, starts the command first and the
   scribe then, passes output through and ends as the command did. Nothing that telemetry does can change that.
2. The *scribe* (:mod:`.scribe`) gets from the wrapper what was read, cuts it into lines, takes secrets out and appends
   to a journal, as any process with jobs does. Where it is slower than the command, its pipe fills and the command
   waits.
3. The *courier* (:mod:`.courier`) ships that journal while the command goes on, as an agent would, and what is left
   when it has ended; one for all commands of a state folder that ship to the same places, and none where an agent is
   at work. Nobody waits for it.

Where something that the command has started still holds its pipes when it has ended, a copy of the wrapper goes on in
its place (:mod:`.background`). Where all that is left ends with the wrapper (:mod:`.lifetime`), the scribe ships, and
is waited for.
"""
