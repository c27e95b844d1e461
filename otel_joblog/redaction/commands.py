"""Secrets in commands and statements, told by where they stand: ``mysql -p…``, ``IDENTIFIED BY '…'``."""

from __future__ import annotations

from .finding import Finder, expression

__all__ = ["searches_in_commands"]

_ARGUMENT = r"""(?:"(?P<double>[^"\r\n]++)"?|'(?P<single>[^'\r\n]++)'?|(?P<bare>[^\s"'|;&<>$\-][^\s"'|;&<>]*+))"""
_BETWEEN = r"(?:[ \t]++(?![|;&])[^\s|;&]{1,200}+){0,12}?[ \t]++"  # other arguments


def searches_in_commands() -> tuple[Finder, ...]:
    return (
        _identified,
        _identified_by_words,
        _before,
        _mysql,
        _curl,
        _docker,
        _auth,
        _mongo,
        _piped,
        _sshpass,
        _redis,
        _ldap,
        _sqlplus,
        _netrc,
        _plain,
        _generated,
    )


_BY = r"\b(?i:identified\s{1,4}(?:with\s{1,4}[\w'\"`]{1,60}\s{1,4})?(?:by|as))\s{1,4}"
_SQL = r"""(?:"(?P<double>[^"\r\n]++)"?|'(?P<single>(?:[^'\r\n\\]|\\.|'')++)'?)"""
_identified = expression(rf"{_BY}(?i:password\s{{1,4}}|values\s{{1,4}})?{_SQL}", "identified")
_identified_by_words = expression(
    rf"\b(?i:user|role|grant)\b[^;\r\n]{{1,200}}?{_BY}(?!(?i:password|values)\b)(?P<bare>[^\s;,'\"()]++)", "identified"
)
_before = expression(rf"\b(?i:identified)\b[^;\r\n]{{1,200}}?\b(?i:replace)\s{{1,4}}{_SQL}", "identified")
_mysql = expression(rf"\b(?:mysql|mariadb)[\w\-]{{0,20}}{_BETWEEN}-p(?=[^\s=]){_ARGUMENT}", "mysql", "mariadb")
_curl = expression(
    rf"""\bcurl{_BETWEEN}(?:-u|--user|--proxy-user)[ \t=]*+["']?[^\s:"']{{1,128}}+:(?!\$[A-Z{{(])
    (?P<password>[^\s"']++)""",
    "curl",
)
_docker = expression(
    rf"\b(?:docker|podman|registry|az)[ \t]login{_BETWEEN}-p[ \t]++{_ARGUMENT}",
    "docker login", "podman login", "registry login", "az login",
)  # fmt: skip
_auth = expression(
    r"""--(?:auth|creds)[ \t=]++["']?(?=[^\d:])[^\s:"'$]{1,128}+:(?!\$[A-Z{(]|//)(?P<password>[^\s"']++)""",
    "--auth",
    "--creds",
)
_mongo = expression(rf"\bmongo(?:sh|dump|restore|import|export)?\b{_BETWEEN}-p[ \t]++{_ARGUMENT}", "mongo")
_piped = expression(
    rf"\b(?:echo|printf)(?:[ \t]++-[a-zA-Z]{{1,4}})?[ \t]++{_ARGUMENT}[ \t]*+\|[^|\r\n]{{1,200}}?--password-stdin",
    "--password-stdin",
)
_sshpass = expression(rf"\bsshpass{_BETWEEN}-p[ \t]*+{_ARGUMENT}", "sshpass")
_redis = expression(rf"\b(?:redis-cli|valkey-cli){_BETWEEN}-a[ \t]++{_ARGUMENT}", "redis-cli", "valkey-cli")
_ldap = expression(rf"\bldap\w{{2,12}}{_BETWEEN}-w[ \t]++{_ARGUMENT}", "ldap")
_sqlplus = expression(r"\bsqlplus(?:[ \t]++-\w{1,20})*+[ \t]++\w{1,60}+/(?P<password>[^\s@]{1,128})", "sqlplus")
_netrc = expression(rf"\b(?:login|user)[ \t]++\S{{1,128}}+\s++password\s++{_ARGUMENT}", "login ", "login\t", "user ")
# What SMTP, POP and FTP say for it, and Redis in its settings.
_plain = expression(
    r"""(?<![\w\-])(?:AUTH\ (?:PLAIN|LOGIN)\ (?P<login>[A-Za-z0-9+/]{8,512}+={0,2}+)
    |(?<!\w)PASS\ (?P<pass>[^\s'"\\]{1,128}+)(?=['"\\\r\n]|\Z)
    |(?:requirepass|masterauth)[ \t]++(?P<redis>\S++))""",
    "auth plain", "auth login", "pass ", "requirepass", "masterauth",
)  # fmt: skip
_generated = expression(
    r"(?i:(?:temporary|generated|initial|admin|root)\ password\b[^:\r\n]{0,80}:)[ ]++(?P<password>\S{6,128}+)[ \t]*+$",
    "temporary password", "generated password", "initial password", "admin password", "root password",
)  # fmt: skip
