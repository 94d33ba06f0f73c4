"""Where these tests keep data directories: as root, PostgreSQL runs as another user and must get there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.operations.running_wallet import make_directory


@pytest.fixture
def directory() -> Iterator[Path]:
    """An empty directory for one test."""
    with make_directory() as directory:
        yield directory


@pytest.fixture(scope="module")
def module_directory() -> Iterator[Path]:
    """An empty directory for one module."""
    with make_directory() as directory:
        yield directory
