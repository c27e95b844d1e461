"""What libpq takes from the environment (``PGHOSTADDR``, ``PGSERVICE``, ``PGOPTIONS``, …) is meant for the job's own
database: a connection string of ours says all of it, and what it leaves out has libpq's own default.

libpq looks there for what a connection string does not say, so each of these is said. ``PGSERVICE`` it looks up in any
case, and connects nowhere where no file has that service. Nothing but a changed environment would help, and that is the
job's: it is told instead, and the commands, which are nobody else's processes, do without the variable.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from typing import Any

from psycopg import pq

__all__ = ["untouched_by_environment"]

# What stands for "not said" where the empty string does not and libpq names no default. A list of all ways to log in
# is no restriction.
_NOT_SAID = {
    "max_protocol_version": "3.0",
    "min_protocol_version": "3.0",
    "require_auth": "password,md5,gss,sspi,scram-sha-256,none" + (",oauth" if pq.version() >= 18_00_00 else ""),
    "sslcertmode": "allow",
}
_NO_VARIABLE = {"scram_client_key", "scram_server_key", "fallback_application_name"}  # nor has it a word for "not said"


def untouched_by_environment(words: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """The words of a connection string, and beside them what keeps libpq from looking for others in the environment.

    Where they name a service themselves, its file and the environment say the rest, as libpq has it.
    """
    if "service" in words:
        return dict(words)
    any_word = "PGSERVICE" in environ  # its file may hold any
    said = dict(words)
    for option in pq.Conninfo.get_defaults():
        keyword, variable = option.keyword.decode(), (option.envvar or b"").decode()
        if keyword in said or keyword == "service" or keyword in _NO_VARIABLE:
            continue
        if any_word or variable in environ:
            value = _NOT_SAID.get(keyword, (option.compiled or b"").decode())
            if keyword == "user":
                value = _user()
            said[keyword] = value
    return said


def _user() -> str:
    """Whose process this is; libpq's own default."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # an account without a name, as in containers; libpq would refuse it, too
        return str(os.geteuid())
