"""Which jobs failed for good: an operator should look at them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

_FAILED = text(
    """
    SELECT j.id, j.task_name, j.args::text, j.attempts, max(e.at) FILTER (WHERE e.type = 'failed')
    FROM procrastinate_jobs j LEFT JOIN procrastinate_events e ON e.job_id = j.id
    WHERE j.status = 'failed' GROUP BY j.id ORDER BY j.id DESC LIMIT :limit
    """
)


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A job that was tried ``attempts`` times and given up. The worker's log has the error under the job's id."""

    id: int
    task: str
    arguments: str
    attempts: int
    failed_at: datetime | None


def list_failed_jobs(session: Session, limit: int = 50) -> list[FailedJob]:
    """The newest failed jobs first."""
    return [FailedJob(*row) for row in session.execute(_FAILED, {"limit": limit})]
