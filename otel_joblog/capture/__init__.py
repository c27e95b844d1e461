"""From user code to records. Who lives where, from what imports to what is imported:

``job``, ``step``, ``progress``, ``queued``, ``decorate``, ``engine``
    what users write: light, as every program with jobs imports it; the first run imports the rest
``handles``
    what users get: a run and a step by their documented names, as light
``begin``, ``installation``, ``propagation``, ``sampler``
    how a run begins, and what is hooked into the process while one goes on
``runs``, ``active``, ``count``, ``attempts``, ``elsewhere``, ``waiting``
    what goes on, until it ends
``taps/``
    logging, output, hooks: what is heard becomes a line of the innermost run or step
``late``, ``nesting``, ``span``
    what outlives its run or step, how these lie inside one another, what OTel sees of one
``facts/``
    what is told of a run or step: attributes, exceptions, what it used
``context``, ``definition``, ``frames``, ``identifiers``, ``patch``
    what all of them take

What a module needs to know of one above it is a protocol, in ``going`` or beside what needs it.
"""
