"""The worker process: runs jobs until it is asked to stop, or until something breaks that it can't mend."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any

from procrastinate import App, JobContext
from procrastinate.worker import Worker

from wallet_app.jobs.app import DEAD_AFTER_S, connect_job_app

log = logging.getLogger(__name__)

MakeContext = Callable[[], AbstractContextManager[object]]

CONCURRENCY = 4
# Asked to end, a worker gives its jobs so long, and is gone after so long whatever they do: the next worker takes them
# up. The supervisor waits 12 seconds.
FINISH_JOBS_WITHIN_S = 8.0
END_WITHIN_S = 10.0


def run_worker(
    database_url: str, make_context: MakeContext, *, wait: bool = True, dead_after_s: float = DEAD_AFTER_S
) -> bool:
    """Run jobs until SIGTERM or SIGINT, or with ``wait=False`` until none is left.

    Each job that is not a coroutine runs in a thread of its own and within ``make_context()``, the app's context.
    Answers whether it ended as it should. Otherwise something broke (the database went away in the middle of a job,
    say) and the process should end, so that whoever supervises it starts another: its jobs are then taken up.
    """
    with connect_job_app(database_url) as job_app:
        job_app.worker_defaults = {
            "stalled_worker_timeout": dead_after_s,
            "update_heartbeat_interval": dead_after_s / 4,
        }
        # It tells of every job it begins and ends, and there are some every ten seconds.
        logging.getLogger("procrastinate").setLevel(logging.WARNING)
        run = _Run(make_context, job_app, wait)
        try:
            return asyncio.run(run.run())
        finally:
            run.deadline.cancel()


def make_deadline() -> threading.Timer:
    """A timer that ends the process, whatever it does: neither asyncio nor the interpreter ends while a thread runs."""
    deadline = threading.Timer(END_WITHIN_S, os._exit, (1,))
    deadline.daemon = True
    return deadline


async def _report_failure(call_next: Callable[[], Awaitable[Any]], context: JobContext, worker: Worker) -> Any:
    """Log every failed attempt, those that are tried again too."""
    job = context.job
    try:
        return await call_next()
    except Exception:
        log.warning("job %s (%s) failed at attempt %s", job.id, job.task_name, job.attempts + 1, exc_info=True)
        raise


class _Run:
    """One run of a worker, and what ended it."""

    def __init__(self, make_context: MakeContext, job_app: App, wait: bool) -> None:
        self._make_context = make_context
        self._job_app = job_app
        self._wait = wait
        self._work: asyncio.Task[None] | None = None
        self._is_ending = False
        self._is_broken = False
        self.deadline = make_deadline()

    async def run(self) -> bool:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._note_breakage)
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signal_number, self._note_signal)
        self._work = loop.create_task(self._open_and_work())
        try:
            await self._work
        except asyncio.CancelledError:
            return not self._is_broken
        except Exception:
            log.exception("the worker broke")
            return False
        finally:
            self._start_deadline()  # what asyncio still waits for: the threads of its jobs
        # Nobody asked: one of procrastinate's own side tasks failed, and it stopped by itself.
        return not self._wait and not self._is_broken

    async def _open_and_work(self) -> None:
        async with self._job_app.open_async():
            log.info("the worker is ready")
            await self._job_app.run_worker_async(
                wait=self._wait,
                concurrency=CONCURRENCY,
                install_signal_handlers=False,
                shutdown_graceful_timeout=FINISH_JOBS_WITHIN_S,
                task_middleware=[self._run_in_context],
                worker_middleware=[_report_failure],
            )

    def _run_in_context(self, call_next: Callable[[], Any], context: JobContext, worker: Worker) -> Any:
        with self._make_context():
            return call_next()

    def _note_signal(self) -> None:
        self._end()

    def _note_breakage(self, loop: asyncio.AbstractEventLoop, details: dict[str, Any]) -> None:
        """What nobody handles ends the worker.

        A job's outcome that couldn't be stored would otherwise leave the job running for ever in the queue's eyes.
        """
        log.error("the worker broke: %s", details.get("message"), exc_info=details.get("exception"))
        self._is_broken = True
        self._end()

    def _end(self) -> None:
        if self._work is not None and not self._is_ending:  # a second cancellation would cut the orderly end short
            self._is_ending = True
            self._start_deadline()
            self._work.cancel()

    def _start_deadline(self) -> None:
        if not self.deadline.is_alive():
            self.deadline.start()
