"""The procrastinate app that tasks register with, and connecting it to a database."""

from collections.abc import Iterator
from contextlib import contextmanager

from procrastinate import App, PsycopgConnector
from sqlalchemy import make_url

# A worker that has not been heard of for so long is dead, and another takes up its jobs.
DEAD_AFTER_S = 20.0

# Not connected before connect_job_app() does so: importing tasks needs no database.
job_app = App(connector=PsycopgConnector(), import_paths=["wallet_app.jobs.tasks"])


@contextmanager
def connect_job_app(database_url: str) -> Iterator[App]:
    """Let the app speak to ``database_url``, SQLAlchemy's or libpq's, as long as the context lasts.

    Connections are made when the app is opened. Waiting for one is bounded, so that a worker never hangs on a
    database that is gone.
    """
    connector = PsycopgConnector(
        conninfo=make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False),
        min_size=1,
        max_size=4,
        timeout=10,
        kwargs={
            "application_name": "wallet worker",
            "connect_timeout": 5,
            "keepalives_idle": 10,
            "tcp_user_timeout": 20_000,
        },
    )
    with job_app.replace_connector(connector):
        yield job_app
