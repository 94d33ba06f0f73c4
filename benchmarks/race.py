"""`make race`: the bank test.

Thirty-two clients pay each other over HTTP for a minute, while web workers are killed with -9 every two
seconds and all of PostgreSQL every twenty. The supervisor brings each back. A client repeats a transfer,
same key and same body, until it has a final answer. Afterwards the database must agree with every answer
that was given.

Then a control run, with the locks taken out of the database's functions and without the constraints that
would stop the worst: if the harness reports no violation there, it could not be trusted, and the race has
failed.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from decimal import Decimal
from pathlib import Path

from benchmarks.chaos import POSTGRES_KILL_SECONDS, WORKER_KILL_SECONDS, Chaos
from benchmarks.customers import Customer, register_customers
from benchmarks.load import LoadClient, LoadResult
from benchmarks.race_checks import Violations, check_database
from benchmarks.server import (
    BUILD,
    PROJECT,
    connect,
    find_free_port,
    open_database,
    run_flask,
    serve_wallet,
    wait_until_ready,
)
from benchmarks.small_races import race_last_hundred, race_opposing, race_same_key
from benchmarks.storm import ReplayTraffic, StormTraffic
from wallet_app.embedded import ensure_database

CLIENTS = 32
OPENING = Decimal("10.00")
FINAL_REPLAYS = 2000
SHOWN_LINES = 5
DRAIN_SECONDS = 60
START_SECONDS = 180
STOP_SECONDS = 90
RATE_LIMIT = "600000/minute"
LOCK_CLAUSE = re.compile(r"\s+FOR NO KEY UPDATE\b", re.IGNORECASE)


class Supervised:
    """`python -m wallet_app.embedded` on a data directory of its own: the product as `make run` starts it."""

    def __init__(self, data_dir: Path, port: int, log: Path) -> None:
        self.data_dir = data_dir
        self.port = port
        # "testing" leaves out the demo world; all else is as in make run.
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
            "WALLET_ENV": "testing",
            "WALLET_DATA_DIR": str(data_dir),
            "PORT": str(port),
            "SANDBOX": "1",
            "RATE_LIMIT": RATE_LIMIT,
            "FLASK_APP": "wsgi",
        }
        with log.open("wb") as output:
            command = [sys.executable, "-m", "wallet_app.embedded", "--with-parent"]
            self.process = subprocess.Popen(
                command,
                cwd=PROJECT,
                env=self.environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def stop(self) -> None:
        """Asks it to stop as Ctrl-C does; raises subprocess.TimeoutExpired when it does not."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(STOP_SECONDS)


@contextmanager
def supervise() -> Iterator[Supervised]:
    """The supervised wallet, ready, in a new data directory under build/ that is gone afterwards."""
    BUILD.mkdir(exist_ok=True)
    data_dir = Path(tempfile.mkdtemp(prefix="race-", dir=BUILD))
    supervised = Supervised(data_dir, find_free_port(), BUILD / "race-wallet.log")
    try:
        wait_until_ready(supervised.port, START_SECONDS, supervised.process)
        yield supervised
    finally:
        supervised.stop()
        shutil.rmtree(data_dir, ignore_errors=True)


def run_storm(
    port: int, customers: Sequence[Customer], seconds: float, on_tick: Callable[[], None] | None = None
) -> tuple[StormTraffic, LoadResult]:
    """The clients' minute, and as long after it as the last final answers take."""
    traffic = StormTraffic(customers)
    client = LoadClient("127.0.0.1", port, traffic, clients=len(customers), timeout=20)
    return traffic, client.run(seconds, drain_seconds=DRAIN_SECONDS, on_tick=on_tick)


def run_replays(port: int, customers: Sequence[Customer], storm: StormTraffic) -> StormTraffic:
    """Once the storm is over: answered keys again, in a random sample."""
    replays = ReplayTraffic(storm, customers, FINAL_REPLAYS)
    LoadClient("127.0.0.1", port, replays, clients=len(customers)).run(300, drain_seconds=DRAIN_SECONDS)
    return replays


def judge(
    url: str,
    environment: dict[str, str],
    customers: Sequence[Customer],
    storm: StormTraffic,
    replays: StormTraffic | None,
) -> Violations:
    """All checks together; says in detail what was odd about answers."""
    found = check_database(url, storm.run, storm.attempts, customers, OPENING)
    changed = storm.changed + (replays.changed if replays else [])
    found.changed_replays = len(changed)
    found.unexpected_answers = len(storm.unexpected)
    try:
        run_flask(environment, "verify-ledger")
    except RuntimeError as error:
        found.ledger_unclean = 1
        print_some(str(error).splitlines())
    print_some(changed + storm.unexpected)
    return found


def print_some(lines: Sequence[str]) -> None:
    """The first few of what may be thousands of lines."""
    for line in lines[:SHOWN_LINES]:
        print(f"  {line[:300]}")
    if len(lines) > SHOWN_LINES:
        print(f"  … and {len(lines) - SHOWN_LINES} more")


def print_table(rows: Sequence[tuple[str, object]]) -> None:
    """Two columns."""
    for name, value in rows:
        print(f"  {name:24}{value:>10}")


def run_main(seconds: float, clients: int, postgres_kill_seconds: float) -> bool:
    """The bank test; whether it passed."""
    kills = f"workers killed every {WORKER_KILL_SECONDS:g} s, PostgreSQL every {postgres_kill_seconds:g} s"
    print(f"bank test: {clients} clients for {seconds:g} s, {kills}", flush=True)
    with supervise() as supervised:
        faults = run_small_races(supervised.port)
        customers = register_customers(supervised.port, clients, str(OPENING))
        chaos = Chaos(supervised.data_dir, seconds, postgres_kill_seconds)
        storm, result = run_storm(supervised.port, customers, seconds, chaos.tick)
        wait_until_ready(supervised.port, START_SECONDS, supervised.process)
        chaos.tick()  # counts the last recovery
        replays = run_replays(supervised.port, customers, storm)
        with ensure_database(supervised.data_dir) as url:
            found = judge(url, supervised.environment, customers, storm, replays)
    print_some(faults)
    print_table(
        [
            ("sent", len(storm.attempts)),
            ("acknowledged", sum(attempt.is_acknowledged for attempt in storm.attempts)),
            ("refused", sum(attempt.status == 422 for attempt in storm.attempts)),
            ("answers a second", f"{result.per_second:.0f}"),
            ("connections lost", result.lost),
            ("retried", storm.retries),
            *((f"  after a {status}", count) for status, count in sorted(storm.retried_statuses.items())),
            ("replays compared", storm.replays + replays.replays),
            ("workers killed", chaos.worker_kills),
            ("PostgreSQL killed", chaos.postgres_kills),
            ("PostgreSQL recovered", chaos.postgres_recoveries),
            *list_violations(found),
            ("small races failed", len(faults)),
        ]
    )
    recovered = chaos.postgres_recoveries == chaos.postgres_kills
    return found.total == 0 and not faults and recovered and bool(storm.attempts)


def run_small_races(port: int) -> list[str]:
    """The three short races, each between people of its own; what was wrong."""
    people = register_customers(port, 4, "100.00")
    return [
        *race_same_key(port, people[0], people[1]),
        *race_last_hundred(port, people[2], people[1]),
        *race_opposing(port, people[0], people[3]),
    ]


def run_control(seconds: float, clients: int) -> bool:
    """The same storm without locks; whether the harness saw the harm."""
    print(
        f"\ncontrol run: {clients} clients for {seconds:g} s, locks taken out; violations must show",
        flush=True,
    )
    with open_database({"SANDBOX": "1", "RATE_LIMIT": RATE_LIMIT}) as database:
        remove_locks(database.url)
        with serve_wallet(database) as server:
            customers = register_customers(server.port, clients, str(OPENING))
            storm, _ = run_storm(server.port, customers, seconds)
        found = judge(database.url, dict(database.environment), customers, storm, None)
    print_table([("sent", len(storm.attempts)), *list_violations(found)])
    return found.harm > 0


def remove_locks(url: str) -> None:
    """Takes the row locks out of the money path's functions, and the constraints that would catch what
    follows.

    Raises RuntimeError when no lock was found: then this patch has aged and the control run would prove
    nothing.
    """
    with connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_functiondef(p.oid) FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace"
            " AND p.prokind = 'f' AND p.prosrc ~* 'for no key update' AND p.proname NOT LIKE 'procrastinate%'"
        )
        definitions = [row[0] for row in cursor.fetchall()]
        if not definitions:
            raise RuntimeError("no function with a row lock was found: the control run's patch has to be renewed")
        for definition in definitions:
            cursor.execute(LOCK_CLAUSE.sub("", definition))
        cursor.execute("ALTER TABLE accounts DROP CONSTRAINT accounts_floor")
        cursor.execute("ALTER TABLE entries DROP CONSTRAINT entries_once_per_number")


def list_violations(found: Violations) -> list[tuple[str, object]]:
    """Each kind of violation with its count, for the table."""
    return [(field.name.replace("_", " "), getattr(found, field.name)) for field in fields(found)]


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of `make race`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.race", description="The bank test and its control run.")
    parser.add_argument("--seconds", type=float, default=60, help="length of the bank test (default 60)")
    parser.add_argument("--clients", type=int, default=CLIENTS, help=f"concurrent clients (default {CLIENTS})")
    parser.add_argument("--postgres-kill-seconds", type=float, default=POSTGRES_KILL_SECONDS, help="(default 20)")
    parser.add_argument("--control-seconds", type=float, default=8, help="length of the control run (default 8)")
    parser.add_argument("--control", action="store_true", help="the control run alone")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Both runs; 1 when the bank test found a violation, or the control run found none."""
    options = parse_arguments(arguments)
    passed = options.control or run_main(options.seconds, options.clients, options.postgres_kill_seconds)
    if not options.control:
        print("bank test: passed" if passed else "bank test: FAILED", flush=True)
    controlled = run_control(options.control_seconds, options.clients)
    print("control run: violations seen, as it must be" if controlled else "control run: FAILED, it saw nothing wrong")
    return 0 if passed and controlled else 1


if __name__ == "__main__":
    sys.exit(main())
