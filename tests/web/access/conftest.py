"""A viewer with users, as `serve` makes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from otel_joblog.cli.serving.server import make_server
from otel_joblog.config import Settings
from otel_joblog.web.app import create_app
from otel_joblog.web.auth.access import Access
from otel_joblog.web.auth.passwords import hashed
from otel_joblog.web.auth.roles import Role
from otel_joblog.web.auth.tokens import digest
from otel_joblog.web.auth.users import User, Users
from tests.loopback import serving

PASSWORD = "Zoë's own words"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=tmp_path / "state")


@pytest.fixture(scope="session")
def hash_of_password() -> str:
    return hashed(PASSWORD)


@pytest.fixture
def add(settings: Settings, hash_of_password: str) -> Callable[..., User]:
    """Adds an account with that password, or with a token."""

    def add(name: str, role: Role = Role.VIEWER, *, token: str = "") -> User:
        kept = {"token": digest(token)} if token else {"password": hash_of_password}
        user = User(name, role, datetime.now(UTC), **kept)
        Users(settings.users_file).change(lambda known: {**known, name: user})
        return user

    return add


@pytest.fixture
def access(settings: Settings) -> Access:
    return Access(settings)


@pytest.fixture
def guarded(dsn: str, settings: Settings, access: Access) -> Iterator[str]:
    """Its address."""
    with serving(create_app(dsn, settings=settings, access=access), make_server) as address:
        yield address


@pytest.fixture
def web(guarded: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=guarded, timeout=60) as client:
        yield client
