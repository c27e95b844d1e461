"""Which values are no secrets, though a key beside them says so: paths, references, masks, states, types."""

from __future__ import annotations

import base64
import re

from .finding import MARK, listed
from .keys import Key, Names

__all__ = ["LONGEST", "harmless", "is_secret", "looks_random", "says_something", "stands_for"]

# What is said of a secret in place of it.
_STATES = listed(
    """
    absent accepted active allowed already available bad blank cached changed checked configured correct created
    default deleted denied disabled done empty enabled encrypted error exists expired expiring failed failure
    false forbidden found generated good granted hidden ignored inactive incorrect insecure invalid issued
    loaded locked malformed masked match mismatch missing nil no none notfound null ok opaque optional passed
    pending present prohibited ready received redacted refreshed refreshing rejected removed renewed required
    reset retrieved revoked rotated rotating saved sent set skipped started starting stopped stored success
    successful synced true unauthorized unavailable unchanged undefined unknown unset unsupported updated valid
    verified weak wrong yes
    """
)
_STATE = re.compile(
    r"[A-Z][a-z]{1,30}(?:[A-Z][a-z]{1,30}){0,5}(?<=Found|xists|Error|rsion|pired|enied|valid|ssing|ailed|uired|voked|match"
    r"|idden|rized|ynced|Ready|dated|eated|leted|tated)\Z"
)
# With these begins a sentence.
_PROSE = listed(
    """
    a an and any at be been but by can cannot check could did does either enter expected for from given got has
    have in is it its length may might minimum must need needs neither never not of on only or please provide
    reading see should than that the then these this to too unable unexpected use using value was were when
    while will with would your
    """
)
_TYPE = re.compile(
    r"(?:str|string|String|bytes|int|text|object|any|Any|char|character|bool|boolean|SecretStr|(?:n?var)?char\(\d{1,5}\)?"
    r"|(?:Optional|Union|Annotated|[Ll]ist|[Dd]ict|Sequence|SecretStr|Secret)\[.*+)\Z",
    re.DOTALL,
)
# Something that stands for the secret, or hides it.
_REFERENCE = re.compile(
    r"""(?:[*•●#]{3,}+|[xX]{3,}+|\.{3}|…|-+|_+)\Z
    |[\[(<{]{1,2}\s?(?:filtered|redacted|hidden|masked|secure|secret|protected|removed|sensitive|omitted|scrubbed
       |known|unknown|not|none|null|unset|empty|default|generated)\b[\w\ ,]*+[\])>}]{0,2}\Z
    |\$\{[^{}]*+\}?\Z | (?-i:\$[A-Z_][A-Z0-9_]*+\Z | %[A-Z_]{1,60}%\Z) | \$\([^()]*+\)?\Z
    |\{\{.*+\Z | %\([\w.]{1,60}\)[sdr]?\Z | %[sdrvq]\Z | \{[a-z_.]{0,60}(?:![rsa])?\}?\Z | \[\]?\Z
    |<[A-Za-z][A-Za-z\ _.\-]*+>?\Z | <[\w.\ ]{1,80}\ at\ 0x.*+\Z
    |!(?:vault|secret|Ref|Sub|GetAtt|ImportValue|env|reference|encrypted)\b
    |@Microsoft\.KeyVault | (?:arn:aws|op|ssm|vault|gcp-sm|file|env|secretref|projects)[:/]\S*+\Z
    |[|>][+\-]?\Z | id=[\w\-]{1,60}(?:,|\Z)
    |SecretStr\(["']?\** | Secret\(["']?\** """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
# An expression of a program, as in the lines of a traceback.
_CODE = re.compile(
    r"""(?:(?:self|cls|this|settings|config|cfg|conf|os|args|kwargs|options|opts|ctx|context|request|req|env|environ
       |secrets|data|payload|params|app|current_app|event|response|resp|result|creds?|credentials?|process|user)
       (?:\.get(?:env)?\(.*+|\.[A-Za-z_]{1,60}+|\[["'][A-Za-z_]{1,60}+["']?\]?)++\Z
    |(?:await|lambda|not|new)\Z
    |[A-Za-z_][A-Za-z_.]{2,80}+\((?![^\s)]{0,200}["'])) """,
    re.VERBOSE,
)
_PATH = re.compile(
    r"(?:(?:~|\.{1,2}|\$\{?\w{1,40}\}?|[A-Za-z]:)?[/\\]|[\w.\-]{1,60}/)(?:[\w.\-@ ]{1,80}[/\\]){0,20}[\w.\-*]{0,80}\Z"
)
_ROOTED = re.compile(r"(?:~|\.{1,2}|\$\{?\w{1,40}\}?|[A-Za-z]:)?[/\\]")
_FILE = re.compile(r"[\w.\-/\\~]{1,120}\.(?:pem|key|crt|pub|p12|pfx|jks|json|ya?ml|txt|env|sh|py|cfg|conf|ini)\Z")
_KEY_FILE = re.compile(r"id_(?:rsa|dsa|ecdsa|ed25519)(?:\.pub)?\Z")
_RANDOM_PART = re.compile(r"(?=[^/\\]*[0-9])(?=[^/\\]*[a-z])(?=[^/\\]*[A-Z])[^/\\._\-]{8,}|[0-9A-Za-z]{24,}")


_NUMBER = re.compile(r"\d[\d.,_/]{0,14}[A-Za-z%]{0,3}\Z", re.ASCII)
_TUPLE = re.compile(r"""[(\[][ ]?[bu]?["'][^"']{0,80}["'],[ ]?[bu]?["']""")
_LOGIN_IN_BASE64 = re.compile(r"[A-Za-z0-9+/]{8,400}={0,2}\Z")
_PLAIN = re.compile(
    r"\d{4}-\d\d-\d\d|[\w.\-]{1,80}:\d{1,5}\Z|v?\d+(?:\.\d+)+\b|(?:[A-Za-z]{3,}[_\-./])+\d*\Z"
    r"|[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\Z"
)


# Nothing harmless is longer, in characters; what goes on for so long is not looked through a second time.
LONGEST = 2000


def is_secret(key: Key, value: str, *, quoted: bool = True) -> bool:
    """Whether the value is one, of a key that names secrets."""
    if len(value) > LONGEST:
        return True
    if value.startswith(MARK) or harmless(value, quoted=quoted):
        return False
    match key.names:
        case Names.COUNTED | Names.PASS:
            return not _NUMBER.match(value)
        case Names.AGENT:
            return looks_random(value)
        case Names.SESSION:
            return looks_random(value, 20)
        case Names.COOKIE:
            return not value.isdigit() and not _PLAIN.match(value)
        case Names.AUTH:
            return _is_login(value)
    return True


def harmless(value: str, *, quoted: bool = True) -> bool:
    """Whether this is no secret, whatever its key."""
    return (
        value.lower() in _STATES
        or _STATE.match(value) is not None
        or stands_for(value)
        or _TYPE.match(value) is not None
        or _is_path(value)
        or (not quoted and _CODE.match(value) is not None)
    )


def stands_for(value: str) -> bool:
    """Whether this stands for the secret, or hides it."""
    return _REFERENCE.match(value) is not None


def says_something(value: str) -> bool:
    """Whether a sentence begins here."""
    return value.lower() in _PROSE


def looks_random(value: str, least: int = 8) -> bool:
    """Letters and digits mixed, and no word, path, date or version."""
    return (
        len(value) >= least
        and any(map(str.isdigit, value))
        and any(map(str.isalpha, value))
        and not any(map(str.isspace, value))
        and not _PLAIN.match(value)
    )


def _is_path(value: str) -> bool:
    if _KEY_FILE.match(value) or _FILE.match(value):
        return True
    return _ROOTED.match(value) is not None and _PATH.match(value) is not None and not _RANDOM_PART.search(value)


def _is_login(value: str) -> bool:
    """``('bob', 'x')``, or ``bob:x`` in base64, as Docker and npm keep them."""
    if _TUPLE.match(value) or looks_random(value, 20):
        return True
    if not _LOGIN_IN_BASE64.match(value):
        return False
    try:
        said = base64.b64decode(value).decode("ascii")
    except ValueError:
        return False
    return ":" in said and said.isprintable()
