"""A database for each module, and in it, for those that want it, a ledger with one of everything."""

from collections.abc import Iterator

import pytest
from flask import Flask
from psycopg2.extensions import connection as Connection

from tests.conftest import clone_database, make_config
from tests.raw_sql import connect
from tests.services.ledger.books import Books, write_books
from wallet_app import create_app
from wallet_app.extensions import db


@pytest.fixture(scope="module")
def own_app() -> Iterator[Flask]:
    """An app whose database no other module writes to."""
    with clone_database() as url:
        app = create_app(make_config(url))
        yield app
        with app.app_context():
            db.engine.dispose()


@pytest.fixture(scope="module")
def books(own_app: Flask) -> Books:
    """One of everything. Tests roll back what they plant."""
    return write_books(own_app)


@pytest.fixture
def raw(books: Books) -> Iterator[Connection]:
    """A plain connection to the books, rolled back after the test."""
    with connect(books.app) as connection:
        yield connection
