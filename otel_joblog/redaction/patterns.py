"""What secrets look like in text.

Every expression here takes time linear in the length of the text, whatever that is: what is repeated is possessive
(``*+``) or bounded, and what might run to the end of the text can begin at the start of a word only. What is found is
replaced by :data:`MARK`; what names it (key, scheme, user) stays, so that the line can still be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

__all__ = ["MARK", "Finder", "emails", "finders", "option_expression", "secret_keys"]

MARK = "[redacted]"

Spans = Iterator[tuple[int, int]]  # where secrets begin and end, ascending
Finder = Callable[[str, str], Spans]  # given a text, and the same in lower case

# A key holds a secret where one of these words is in it …
KINDS_OF_KEYS = ("api", "access", "account", "auth", "encryption", "master", "private", "shared", "signing", "ssh")
_KEY = "|".join(f"(?<={kind})key|(?<={kind}[_. -])key" for kind in KINDS_OF_KEYS)
_WORD = f"passw(?:or[dt]|d)|passphrase|passcode|pwd|secret|token|credential|{_KEY}"
_WORDS = ("pass", "pwd", "secret", "token", "credential", "key", "authorization", "cookie")  # where to look for one
# … unless it ends in one of these: then it says something of the secret.
_ABOUT = (
    "age", "algorithm", "count", "endpoint", "expires", "expires_at", "expires_in", "expiry", "field", "file",
    "length", "limit", "name", "path", "policy", "required", "size", "status", "stdin", "ttl", "type", "uri", "url",
    "usage", "used", "version",
)  # fmt: skip
_ENDING = r"(?P<tokens>(?<=[nN])[sS](?![A-Za-z]))?+(?:[sS](?![A-Za-z]))?+(?:[_.\-0-9A-Z][\w.\-]{0,60}+)?+" + "".join(
    rf"(?<![_.\-](?i:{word}))(?<!{word.title()})" for word in _ABOUT
)

# Between key and value: `=`, `:`, `=>`, `:=`, and what closes the key's own quotes and brackets.
_GAP = r"""(?:\\{0,4}["'])?+\]?+[ \t]{0,8}+(?:=>|:=|==|=|:(?!:))[ \t]{0,8}+"""
_NUMBERED = "(?(tokens)(?![\"']?[0-9]))"  # tokens=120 counts them

# A value in quotes, also in escaped ones (JSON within a string), ends with the quote, or with its line.
_QUOTED = (
    r"""(?:[bBfFrRuU]{1,2}(?=["']))?+(?:\\{1,4}(?P<q>["'])(?P<escaped>(?:(?!\\{0,4}(?P=q))[^\r\n])++)"""
    r"""|(?P<p>["'`])(?P<quoted>(?:\\[^\r\n]|(?!(?P=p))[^\r\n\\])++))"""
)
# Without, it ends with white space; or with punctuation, if white space, the end or another key comes after that.
_STOP = r""",;&|"'`<>)}\]\\"""
_BARE = (
    r"(?!(?:[Nn]one|[Nn]ull|nil|[Tt]rue|[Ff]alse|undefined|\*{3,})(?!\w))"
    r"(?P<bare>(?:[\[({][^\])}\r\n]*+[\])}]?+)?+"
    rf"(?:[^\s{_STOP}]|[{_STOP}](?![{_STOP}]{{0,7}}(?:\s|\Z|[\w.\-]{{1,40}}[=:])))*+)"
)
_VALUE = f"(?:{_QUOTED}|{_BARE})"
# That of a header ends with its line, or with the quote that the whole header stands in.
_SCHEME = r"(?i:(?:bearer|basic|digest|token|negotiate|apikey|aws4-hmac-sha256)[ \t]{1,4}+)?+"
_HEADERS = ("authorization", "cookie")
_REST = r"""(?P<rest>(?:[^\r\n"'=]|=(?:"[^"\r\n]*+"?+)?+)++)"""
_HEADER = re.compile(
    r"""(?i:authorization|cookie2?s?)(?:\\{0,4}["'])?+\]?+[ \t]{0,8}+(?::|(?P<equals>=)>?+)[ \t]{0,8}+"""
    f"(?:{_QUOTED}|{_SCHEME}(?(equals){_BARE}|{_REST}))",
    re.ASCII,
)

# `--password x`, and the same as a list: `'--password', 'x'`.
_OPTION = re.compile(r"(?<![\w\-])--[\w\-]*\Z", re.ASCII)
_LONGEST_OPTION = 60


def words_of(own: tuple[str, ...], hyphen: str = "-") -> str:
    """The user's own words for such keys, as an expression: ``customer_no`` is also ``customer-no`` and ``customerNo``.

    It matches small letters; ``hyphen`` is what stands for hyphens in the text.
    """
    parts = [re.split(r"[_. \-]+", word.lower().strip("_. -")) for word in own]
    return "|".join(f"[_. {hyphen}]?".join(map(re.escape, words)) for words in parts)


def _key(own: tuple[str, ...]) -> str:
    return f"(?i:{f'{words_of(own)}|' if own else ''}{_WORD}){_ENDING}"


def secret_keys(own: tuple[str, ...] = ()) -> re.Pattern[str]:
    """Matches keys of attributes whose values are secrets; with the group ``counts`` where numbers are none."""
    return re.compile(
        rf"{_key(own)}|(?i:authorization|cookie|dsn(?![a-z])|connection[_. -]?string)"
        r"|(?P<counts>(?i:(?<!by)(?<!com)pass)\Z)|(?:(?<![A-Za-z])(?i:auth)|Auth)\Z",
        re.ASCII,
    )


def option_expression(own: tuple[str, ...] = ()) -> re.Pattern[str]:
    """Matches a command's option, alone, whose argument is a secret: ``--password``."""
    return re.compile(rf"--(?=[\w\-]*?{_key(own)}\Z|pass\Z)", re.ASCII)


def assignments(own: tuple[str, ...] = ()) -> Finder:
    """Finds ``key=value``, ``key: value``, ``"key": "value"``, ``--key value`` and headers."""
    words = re.compile("|".join([*([words_of(own)] if own else []), *_WORDS]))
    # "pass" alone is also what tests do.
    passes = r"""(?i:(?<!by)(?<!com)pass)(?=[ \t]{0,8}=|\\{0,4}["']|(?<=--pass)[ \t])"""
    key = f"(?:{_key(own)}|{passes})"
    assigned = re.compile(key + _GAP + _NUMBERED + _VALUE, re.ASCII)
    following = re.compile(key + r"""(?:["'],?+)?+[ \t]{1,4}+(?!-)""" + _VALUE, re.ASCII)

    def find(text: str, lowered: str) -> Spans:
        done = 0
        options = "--" in text
        for word in words.finditer(lowered):
            at = word.start()
            if at < done:
                continue
            found = (_HEADER if word[0] in _HEADERS else assigned).match(text, at)
            if found is None and options and _OPTION.search(text, max(0, at - _LONGEST_OPTION), at):
                found = following.match(text, at)
            if found is not None and found.lastgroup is not None and found[found.lastgroup]:
                begin, done = found.span(found.lastgroup)
                yield begin, done

    return find


def _finder(expression: str, *hints: str) -> Finder:
    """Finds what the last named group of an expression matches, in texts that hold one of these hints (in small)."""
    compiled = re.compile(expression, re.ASCII | re.VERBOSE)

    def find(text: str, lowered: str) -> Spans:
        for hint in hints:
            if hint in lowered:
                return (found.span(found.lastgroup or 0) for found in compiled.finditer(text))
        return _nothing

    return find


_nothing: Spans = iter(())
_private_keys = _finder(
    r"-----BEGIN\ [A-Z0-9 ]{0,40}+(?<=PRIVATE\ KEY)(?:\ BLOCK)?-----(?P<body>(?:[^-]|-(?!----END\ ))++)", "private key"
)
# The password may hold "@" and "/"; ":8080/" is a port, though.
_urls = _finder(
    r"""://(?<=[A-Za-z0-9+.\-]://)(?:[^\s/:@"'<>\\]{0,128}+:(?P<password>(?!\d{1,5}/)(?:[^\s@"'<>\\:]++|:(?!//))++
    (?:@[^\s@/"'<>\\,?]{1,128}+(?=@)){0,4}+)|(?P<token>[\w.~%\-]{20,256}+))(?=@)""",
    "://",
)
# A digit, or a capital after the first letter: "basic understanding" is no token.
_schemes = _finder(
    r"""(?<![A-Za-z])(?i:bearer[ \t]{1,4}+(?=[\w.~+/]{0,99}-|[\w.~+/]{0,99}?[\w+]{16})
    |basic[ \t]{1,4}+(?=[\w.~+/]{0,99}?[\w+]{16}))
    (?=[A-Za-z]{0,99}[0-9.~+/=\-]|[A-Za-z][a-z]{0,99}[A-Z])(?P<token>[\w.~+/\-]{16,8192}+={0,2}+)""",
    "bearer",
    "basic",
)
# Each holds 16 letters, digits or "_" in a row, except for the first two.
_tokens = _finder(
    r"""(?<![A-Za-z0-9])(?:glpat-[\w\-]{16,255}|AIza[\w\-]{35}
    |gh[pousr]_[A-Za-z0-9]{16,255}|github_pat_\w{22,255}|A(?:KI|SI)A[A-Z0-9]{16}(?![A-Za-z0-9])
    |(?:xox[abeoprs]|xapp|sk|pypi)-(?=[\w\-]{0,64}?[0-9])(?=[\w\-]{0,64}?\w{16})[\w\-]{16,1024}
    |[rs]k_(?:live|test)_[A-Za-z0-9]{10,255}|npm_[A-Za-z0-9]{36}|hf_[A-Za-z0-9]{30,64}
    |(?:SG\.|hvs\.|dckr_pat_)(?=[\w\-]{0,32}?\w{16})[\w.\-]{20,255}
    |(?<![\w\-])eyJ\w{13,}+[\w\-]*+\.[\w\-]{8,}+(?:\.[\w\-]*+){1,3})""",
    "glpat-", "aiza", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "_pat_", "akia", "asia", "xox", "xapp-", "sk-", "pypi-",
    "k_live_", "k_test_", "npm_", "hf_", "sg.", "hvs.", "eyj",
)  # fmt: skip
emails = _finder(r"(?<![\w.+%\-])[\w.+%\-]{1,64}@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,8}", "@")

# Of a private key that is printed line by line: 60 to 76 characters of base64 and nothing else, hex excepted.
_BASE64_LINE = re.compile(
    r"\s{0,8}+(?=.{0,76}[a-z])(?=.{0,76}[A-Z])(?=.{0,76}[G-Zg-z+/])([A-Za-z0-9+/]{60,76}+={0,2})\s{0,8}+", re.ASCII
)


def base64_lines(text: str, lowered: str) -> Spans:  # noqa: ARG001
    found = _BASE64_LINE.fullmatch(text)
    if found is not None:
        yield found.span(1)


# 14 to 19 digits, as they are or in the groups that cards show. Not behind a decimal point, nor in a UUID or trace id.
_DIGITS = re.compile(
    r"\d(?<![0-9A-Za-z]\d)(?<![0-9][.,]\d)(?<![0-9a-f]{8}-\d)"
    r"(?:\d{3}(?P<s>[ -]?)\d{4}(?P=s)\d{4}(?P=s)\d{2,7}|\d{3}[ -]\d{6}[ -]\d{4,5})(?![0-9A-Za-z]|[.,]\d)",
    re.ASCII,
)
_BRANDS = re.compile(
    r"4(?:\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|6(?:011|4[4-9]\d|5\d\d)\d{12}|62\d{14,17}|3(?:0[0-5]|[68]\d)\d{11}|35(?:2[89]|[3-8]\d)\d{12}"
)


def cards(text: str, lowered: str) -> Spans:  # noqa: ARG001
    for found in _DIGITS.finditer(text):
        digits = found[0].replace(" ", "").replace("-", "")
        if _BRANDS.fullmatch(digits) and _luhn(digits):
            yield found.span()


def _luhn(digits: str) -> bool:
    """Whether the last digit checks the others (ISO/IEC 7812-1)."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0


def finders(own_keys: tuple[str, ...] = ()) -> tuple[Finder, ...]:
    """What is looked for by default, in this order."""
    return _private_keys, _urls, assignments(own_keys), _schemes, _tokens, cards, base64_lines
