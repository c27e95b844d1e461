"""Secrets that are told by their looks: tokens of known services, private keys, cards, e-mail addresses."""

from __future__ import annotations

import functools
import re

from .finding import Spans, expression
from .search import Search

__all__ = [
    "PREFIXES",
    "azure",
    "base64_lines",
    "cards",
    "emails",
    "private_keys",
    "schemes",
    "small_prefixes",
    "tokens",
]

_RANDOM = r"(?=[\w\-]{0,64}?[0-9])(?=[\w\-]{0,64}?\w{16})[\w\-]{16,1024}"
_DOTTED = r"(?=[\w\-.]{0,64}?\w{16})[\w.\-]{20,1024}"
_LONG = r"[A-Za-z0-9_]{16,255}"
# What tokens begin with, and how they go on. Each holds 16 letters, digits or "_" in a row.
PREFIXES = {
    # GitHub, GitLab, Bitbucket, Atlassian, CI
    "ghp_": _LONG, "gho_": _LONG, "ghu_": _LONG, "ghs_": _LONG, "ghr_": _LONG, "github_pat_": r"\w{22,255}",
    "glpat-": r"[\w\-.]{16,255}", "glptt-": _RANDOM, "gldt-": _RANDOM, "glrt-": _RANDOM,

    "ATATT3x": r"[\w\-=]{20,1024}", "ATBB": r"[A-Za-z0-9]{24,64}(?![A-Za-z0-9])", "CCIPAT_": _LONG,
    # clouds
    "AKIA": r"[A-Z0-9]{16}(?![A-Za-z0-9])", "ASIA": r"[A-Z0-9]{16}(?![A-Za-z0-9])", "ABSK": r"[A-Za-z0-9+/=]{40,255}",
    "AIza": r"[\w\-]{35}", "1//0": r"[\w\-]{40,200}", "ya29.": r"[\w\-]{20,1024}", "GOCSPX-": r"[\w\-]{20,64}",
    "dop_v1_": _LONG, "dapi": r"[0-9a-f]{32}(?:-\d)?(?![0-9a-z])",
    "FlyV1 fm2_": r"[\w+/=,\-]{20,2048}", "nfp_": _LONG,
    # payment, shops, mail, chat
    "sk_live_": r"[A-Za-z0-9]{10,255}", "sk_test_": r"[A-Za-z0-9]{10,255}", "rk_live_": r"[A-Za-z0-9]{10,255}",
    "rk_test_": r"[A-Za-z0-9]{10,255}", "whsec_": r"[A-Za-z0-9+/=]{16,255}", "shpat_": _LONG, "shpca_": _LONG,
    "shpss_": _LONG, "sq0atp-": _RANDOM, "SG.": _DOTTED, "xkeysib-": _RANDOM,
    "key-": r"[0-9a-f]{32}(?![0-9a-z])", "xapp-": _RANDOM, "xox": rf"[abeoprs](?:-|\.xox[bp]-){_RANDOM}",
    # models
    "sk-": _RANDOM, "hf_": r"[A-Za-z0-9]{30,64}", "gsk_": _LONG, "xai-": _RANDOM, "pplx-": _RANDOM, "r8_": _LONG,
    "pcsk_": _LONG,
    # packages
    "npm_": r"[A-Za-z0-9]{36}", "pypi-": _RANDOM, "rubygems_": _LONG, "dckr_pat_": r"[\w\-]{20,64}",
    "dckr_oat_": r"[\w\-]{20,64}",
    # operations
    "hvs.": _DOTTED, "hvb.": _DOTTED, "glsa_": _LONG, "glc_": r"[A-Za-z0-9+/=]{32,512}", "NRAK-": r"[A-Z0-9]{27}",
    "sntrys_": r"[\w+/=]{32,512}", "sntryu_": _LONG, "pscale_": r"(?:tkn|pw|oauth)_[\w.\-]{32,64}",
    "sb_secret_": r"[\w\-]{20,64}", "dp.st.": _DOTTED, "tskey-": _RANDOM, "PMAK-": _RANDOM,
    "lin_api_": _LONG, "ntn_": _LONG, "figd_": r"[\w\-]{20,64}",
    "AGE-SECRET-KEY-1": r"[A-Z0-9]{40,80}", "LS0tLS1CRUdJTiB": r"(?:QUklWQVRF|SU0EgUFJJVk|FQyBQUklW|EU0EgUFJJVk"
    r"|PUEVOU1NIIF|FTkNSWVBURU)[A-Za-z0-9+/=]{16,}+",  # -----BEGIN … PRIVATE KEY in base64
    "eyJ": r"(?<![\w\-]eyJ)\w{13,}+[\w\-]*+\.[\w\-]{8,}+(?:\.[\w\-]*+){1,3}",
}  # fmt: skip


@functools.cache
def token_expressions() -> list[re.Pattern[str]]:
    """Whole tokens, in the order of their prefixes."""
    return [re.compile(rf"(?<![A-Za-z0-9]){re.escape(begin)}(?:{rest})", re.ASCII) for begin, rest in PREFIXES.items()]


def small_prefixes() -> list[str]:
    """As they look in small letters, with 0 for any digit."""
    return [prefix.lower().translate(str.maketrans("123456789", "000000000")) for prefix in PREFIXES]


@functools.cache
def _prefixes() -> Search:
    return Search(PREFIXES)


def tokens(text: str, lowered: str) -> Spans:  # noqa: ARG001
    expressions = token_expressions()
    done = 0
    for kind, begin, _ in _prefixes().find(text.encode("latin-1", "replace")):  # a byte a character
        found = expressions[kind].match(text, begin) if begin >= done else None
        if found is not None:
            done = found.end()
            yield begin, done


private_keys = expression(
    r"-----BEGIN\ [A-Z0-9 ]{0,40}+(?<=PRIVATE\ KEY)(?:\ BLOCK)?-----(?P<body>(?:[^-]|-(?!----END\ ))++)", "private key"
)
# A digit, or a capital after the first letter: "basic understanding" is no token.
schemes = expression(
    r"""(?<![A-Za-z])(?i:bearer[ \t]{1,4}+(?=[\w.~+/]{0,99}-|[\w.~+/]{0,99}?[\w+]{16})
    |basic[ \t]{1,4}+(?=[\w.~+/]{0,99}?[\w+]{16}))
    (?=[A-Za-z]{0,99}[0-9.~+/=\-]|[A-Za-z][a-z]{0,99}[A-Z])(?P<token>[\w.~+/\-]{16,8192}+={0,2}+)""",
    "bearer",
    "basic",
)
# Secrets of applications in Azure.
azure = expression(r"(?<![\w.~\-])(?P<secret>[\w.~\-]{3}\dQ~[\w.~\-]{31,34})(?![\w.~\-])", "q~")
emails = expression(r"(?<![\w.+%\-])[\w.+%\-]{1,64}@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,8}", "@")

# Of a private key that is printed line by line: 60 to 76 characters of base64 and nothing else, hex excepted.
_BASE64_LINE = re.compile(
    r"\s{0,8}+(?=.{0,76}[a-z])(?=.{0,76}[A-Z])(?=.{0,76}[G-Zg-z+/])([A-Za-z0-9+/]{60,76}+={0,2})\s{0,8}+", re.ASCII
)


def base64_lines(text: str, lowered: str) -> Spans:  # noqa: ARG001
    found = _BASE64_LINE.fullmatch(text) if 59 < len(text) < 96 else None
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
