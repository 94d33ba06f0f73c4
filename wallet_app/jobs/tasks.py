"""The tasks. Each calls one service, and may run twice: a job whose worker died runs again.

None has a queueing lock: procrastinate can't put a job back into the queue while its twin waits there.
"""

import logging

from procrastinate import JobContext, RetryStrategy
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status

from wallet_app.identity import sessions
from wallet_app.jobs.app import DEAD_AFTER_S, job_app
from wallet_app.ledger import folding
from wallet_app.uow import run_in_unit_of_work

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 6
# Pauses of 3, 9, 27, 81 and 243 seconds.
RETRY = RetryStrategy(max_attempts=MOST_ATTEMPTS - 1, exponential_wait=3)

KEEP_FINISHED_HOURS = 24
KEEP_FAILED_HOURS = 30 * 24

EVERY_TEN_SECONDS = "* * * * * */10"  # the sixth field is seconds


# No retry: the next one comes in ten seconds and does the same work.
@job_app.periodic(cron=EVERY_TEN_SECONDS)
@job_app.task(name="ledger.fold_system_deltas")
def fold_system_deltas(timestamp: int) -> int:
    """Take the open deltas of the system's accounts into their balances."""
    return run_in_unit_of_work(folding.fold_system_deltas)


@job_app.periodic(cron="7 * * * *")
@job_app.task(name="identity.delete_stale_sign_in_data", retry=RETRY)
def delete_stale_sign_in_data(timestamp: int) -> int:
    """Delete sessions and sign-in failures that nobody needs any more."""
    return sessions.delete_stale_sign_in_data()


@job_app.periodic(cron="17 * * * *")
@job_app.task(name="jobs.delete_finished_jobs", retry=RETRY, pass_context=True)
async def delete_finished_jobs(context: JobContext, timestamp: int) -> None:
    """Forget finished jobs after a day, failed ones after thirty."""
    manager = context.app.job_manager
    await manager.delete_old_jobs(KEEP_FINISHED_HOURS, include_cancelled=True, include_aborted=True)
    await manager.delete_old_jobs(KEEP_FAILED_HOURS, include_failed=True)


@job_app.periodic(cron=EVERY_TEN_SECONDS)
@job_app.task(name="jobs.take_up_stalled_jobs", pass_context=True)
async def take_up_stalled_jobs(context: JobContext, timestamp: int) -> None:
    """Queue the jobs of dead workers again; one that was taken up too often, and may be the killer, fails."""
    manager = context.app.job_manager
    dead_after_s = context.app.worker_defaults.get("stalled_worker_timeout", DEAD_AFTER_S)
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=dead_after_s):
        try:
            if job.attempts + 1 < MOST_ATTEMPTS:
                await manager.retry_job(job)
            else:
                await manager.finish_job(job, Status.FAILED, delete_job=False)
        except ConnectorException:
            # Another worker was quicker, say. The other stalled jobs must not wait for this one.
            log.exception("could not take up job %s (%s)", job.id, job.task_name)
