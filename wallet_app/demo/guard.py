"""Production refuses to start on demo data."""

from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError

from wallet_app.errors import ConfigurationError
from wallet_app.extensions import db
from wallet_app.identity.models import User


def refuse_demo_data(app: Flask) -> None:
    """Raises:
    ConfigurationError: somebody who can sign in still has the published demo password, or the database does not
        answer, so that nobody knows.
    """
    statement = select(User.email).where(User.has_demo_password, User.status != "closed").limit(1)
    try:
        with app.app_context(), db.engine.connect() as connection:
            email = connection.scalar(statement)
    except ProgrammingError:
        return  # not migrated yet: there is nobody to sign in
    except SQLAlchemyError as error:
        raise ConfigurationError(
            "DATABASE_URL leads to no database that answers, so it could not be looked through for demo data."
        ) from error
    if email is not None:
        raise ConfigurationError(
            f"The database holds demo data: {email} has the published demo password. "
            "Use another DATABASE_URL, or close the demo users."
        )
