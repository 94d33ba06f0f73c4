"""Production refuses to start on demo data."""

import logging

from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from wallet_app.errors import ConfigurationError
from wallet_app.extensions import db
from wallet_app.identity.models import User

log = logging.getLogger(__name__)


def refuse_demo_data(app: Flask) -> None:
    """Raises:
    ConfigurationError: somebody who can sign in still has the published demo password.
    """
    statement = select(User.email).where(User.has_demo_password, User.status != "closed").limit(1)
    try:
        with app.app_context(), db.engine.connect() as connection:
            email = connection.scalar(statement)
    except SQLAlchemyError:
        # No database yet, or none migrated: /health/ready tells. There is nothing to sign in to either.
        log.warning("could not look for demo data: the database does not answer or is not migrated")
        return
    if email is not None:
        raise ConfigurationError(
            f"The database holds demo data: {email} has the published demo password. "
            "Use another DATABASE_URL, or close the demo users."
        )
