"""A real worker with a task that takes its time at the first try: python -m tests.services.jobs.slow_worker."""

import os
import sys
import time

from sqlalchemy import text

from config import load_config
from wallet_app import create_app
from wallet_app.jobs.app import job_app
from wallet_app.jobs.worker import run_worker
from wallet_app.uow import run_in_unit_of_work

DEAD_AFTER_S = 4


@job_app.task(name="test.slow_at_first")
def be_slow_at_first() -> None:
    """Notes each try in the table ``tries``; the first never ends."""
    tries = run_in_unit_of_work(
        lambda session: session.execute(
            text("INSERT INTO tries (process_id) VALUES (:id) RETURNING (SELECT count(*) FROM tries)"),
            {"id": os.getpid()},
        ).scalar_one()
    )
    if tries == 0:
        time.sleep(600)


if __name__ == "__main__":
    app = create_app(load_config())
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    sys.exit(0 if run_worker(url, app.app_context, dead_after_s=DEAD_AFTER_S) else 1)
