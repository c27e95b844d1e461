"""Whether a request that changes something was made by a page of ours, and not by another site."""

from __future__ import annotations

from starlette.requests import Request

__all__ = ["from_elsewhere"]

_SAFE = {"GET", "HEAD", "OPTIONS"}


def from_elsewhere(request: Request, *, lent: bool) -> bool:
    """``lent``: who asks is known by what a browser sends along by itself: a cookie, or a proxy's sign-in.

    Browsers send Sec-Fetch-Site to https and to this host, and Origin wherever else a page posts. Who sends neither is
    a program: it shows what it was given to show, or is nobody.
    """
    if request.method in _SAFE:
        return False
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = request.headers.get("origin")
    if origin is not None:
        return origin.lower() != f"{request.url.scheme}://{request.headers.get('host', '')}".lower()
    return lent
