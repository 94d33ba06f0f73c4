"""Visitors to the back office, and what happens to the people they sign in as."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import update

from tests.backoffice.visitors import Visitor
from tests.people import Person
from wallet_app.identity.models import User
from wallet_app.uow import run_in_unit_of_work


@pytest.fixture
def change_person(app: Flask) -> Callable[..., None]:
    """Changes columns of a person behind their back: ``change_person(person, status="suspended")``."""

    def change(person: Person, **values: str) -> None:
        with app.app_context():
            run_in_unit_of_work(
                lambda session: session.execute(update(User).where(User.id == person.id).values(**values))
            )

    return change


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app.test_client())


@pytest.fixture
def another_visitor(app: Flask) -> Visitor:
    return Visitor(app.test_client())
