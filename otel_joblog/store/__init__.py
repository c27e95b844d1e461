"""The records in PostgreSQL, and the only place with SQL. Who lives where, from what imports to what is imported:

``upkeep/``  what is done now and then: retention, archives, text indexes, due times
``read/``    what is asked: runs, lines, search, figures; :class:`~.read.reader.Reader` is the only one
``write/``   records become rows: :class:`~.write.writer.Writer`; beside ``read/``, neither imports the other
``schema/``  tables, migrations, roles and rights, the partitions of a day
``server/``  the PostgreSQL that this package starts where no other is given; beside ``schema/``

What several of them take lies here: connections, values as columns, the lock of a job. The SQL lies in the folder
``sql`` of the package that asks it; see :mod:`otel_joblog.store.sql`.
"""
