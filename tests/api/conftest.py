"""What the API's tests share."""

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from tests import people
from wallet_app.identity import passwords

THOROUGH = (passwords._hasher, passwords._NOBODY)
QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture(scope="package", autouse=True)
def _hash_quickly() -> Iterator[None]:
    """The same argon2 at a lower price: these tests hash some hundred passwords."""
    passwords._hasher, passwords._NOBODY = QUICK, QUICK.hash("nobody has this password")
    people._hash.cache_clear()
    yield
    passwords._hasher, passwords._NOBODY = THOROUGH
    people._hash.cache_clear()


@pytest.fixture
def hash_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the full price."""
    monkeypatch.setattr(passwords, "_hasher", THOROUGH[0])
    monkeypatch.setattr(passwords, "_NOBODY", THOROUGH[1])
