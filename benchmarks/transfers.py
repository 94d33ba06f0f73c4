"""`make bench`: how close transfers over HTTP come to what PostgreSQL alone can do.

On one database, in one go and in turns: pgbench with a minimal correct transfer (the floor), and the
wallet's own transfers over HTTP with token, JSON body and Idempotency-Key, through gunicorn as in
production. Both with the same number of connections; both uniform over all accounts and into one hot
account. Medians are reported.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from benchmarks.callers import Caller, make_callers
from benchmarks.cpu import read_tree_cpu_seconds
from benchmarks.floor import get_schema_sql, run_pgbench
from benchmarks.load import LoadClient, Request, Response, build_request
from benchmarks.server import BUILD, Database, Server, connect, open_database, run_flask, serve_wallet

CONNECTIONS = 16
AIMS = {"uniform": 0.25, "hot": 0.40}
WARM_UP_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Measured:
    """One leg: transfers a second, latencies in milliseconds, CPU per transfer in microseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float
    app_cpu_us: float
    database_cpu_us: float
    client_cpu_us: float
    failed: int


class TransferTraffic:
    """Endless transfers of 0.01 between random callers, or from random callers into the last one's account."""

    def __init__(self, callers: Sequence[Caller], *, hot: bool) -> None:
        self._senders = list(callers[:-1])
        self._hot_id = callers[-1].account_id if hot else None
        self._run = secrets.token_hex(6)
        self._count = 0
        self._random = random.Random(7)
        self._parts = [_split_request(caller) for caller in self._senders]
        self.completed = 0
        self.unexpected: dict[int, bytes] = {}
        self.failed = 0

    def next_request(self, client: int) -> Request | None:
        self._count += 1
        sender = self._random.randrange(len(self._senders))
        destination = self._hot_id or self._senders[self._pick_other(sender)].account_id
        head, tail = self._parts[sender]
        key = f"{self._run}-{self._count:09d}"
        return Request(b"%s%s%s%s%s" % (head, key.encode(), tail[0], destination.encode(), tail[1]))

    def on_response(self, client: int, request: Request, response: Response) -> Request | None:
        if response.status == 201:
            self.completed += 1
        else:
            self.failed += 1
            self.unexpected.setdefault(response.status, response.body)
        return None

    def on_lost(self, client: int, request: Request) -> Request | None:
        return request  # same key: once is enough

    def _pick_other(self, sender: int) -> int:
        other = self._random.randrange(len(self._senders) - 1)
        return other + (other >= sender)


def _split_request(caller: Caller) -> tuple[bytes, tuple[bytes, bytes]]:
    """A transfer's bytes, cut where the key (22 characters) and the destination go."""
    key, destination = "k" * 22, "d" * len(caller.account_id)
    body = json.dumps(
        {
            "type": "transfer",
            "source_account_id": caller.account_id,
            "destination_account_id": destination,
            "amount": "0.01",
            "currency": "USD",
        }
    ).encode()
    headers = {"Authorization": f"Bearer {caller.token}", "Idempotency-Key": key}
    whole = build_request("POST", "/api/v1/transactions", body, headers)
    head, rest = whole.split(key.encode(), 1)
    before, after = rest.split(destination.encode(), 1)
    return head, (before, after)


def measure_ours(server: Server, callers: Sequence[Caller], *, hot: bool, seconds: float) -> Measured:
    """Drives the wallet; a transfer counts when it was answered 201."""
    traffic = TransferTraffic(callers, hot=hot)
    client = LoadClient("127.0.0.1", server.port, traffic, clients=CONNECTIONS)
    app, database = read_tree_cpu_seconds(server.web_pid), read_tree_cpu_seconds(server.postgres_pid)
    own = time.process_time()
    result = client.run(seconds)
    own = time.process_time() - own
    app = read_tree_cpu_seconds(server.web_pid) - app
    database = read_tree_cpu_seconds(server.postgres_pid) - database
    for status, body in traffic.unexpected.items():
        print(f"  unexpected {status}: {body[:300]!r}", file=sys.stderr)
    return Measured(
        per_second=traffic.completed / result.seconds,
        p50_ms=result.get_percentile(50) * 1e3,
        p99_ms=result.get_percentile(99) * 1e3,
        app_cpu_us=_divide(app, traffic.completed),
        database_cpu_us=_divide(database, traffic.completed),
        client_cpu_us=_divide(own, traffic.completed),
        failed=traffic.failed + result.lost,
    )


def measure_floor(database: Database, *, hot: bool, seconds: float, accounts: int) -> Measured:
    """Drives PostgreSQL alone."""
    before = read_tree_cpu_seconds(database.postgres_pid)
    own = _read_children_cpu_seconds()
    result = run_pgbench(database.url, hot=hot, accounts=accounts, seconds=max(round(seconds), 1), clients=CONNECTIONS)
    used = read_tree_cpu_seconds(database.postgres_pid) - before
    return Measured(
        per_second=result.per_second,
        p50_ms=result.p50 * 1e3,
        p99_ms=result.p99 * 1e3,
        app_cpu_us=0.0,
        database_cpu_us=_divide(used, result.transfers),
        client_cpu_us=_divide(_read_children_cpu_seconds() - own, result.transfers),
        failed=0,
    )


def _read_children_cpu_seconds() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _divide(seconds: float, transfers: int) -> float:
    """Microseconds per transfer."""
    return seconds * 1e6 / transfers if transfers else 0.0


def run_rounds(
    database: Database, server: Server, callers: Sequence[Caller], *, rounds: int, seconds: float
) -> dict[str, dict[str, list[Measured]]]:
    """Floor and ours in turns, for both shapes, after a warm-up of each and VACUUM ANALYZE."""
    accounts = len(callers) - 1
    legs: dict[str, dict[str, list[Measured]]] = {shape: {"floor": [], "ours": []} for shape in AIMS}
    with connect(database.url) as connection, connection.cursor() as cursor:
        cursor.execute(get_schema_sql(accounts))
        print("warming up", flush=True)
        warm_up = min(WARM_UP_SECONDS, seconds)
        for shape in AIMS:
            measure_floor(database, hot=shape == "hot", seconds=warm_up, accounts=accounts)
            measure_ours(server, callers, hot=shape == "hot", seconds=warm_up)
        for number in range(1, rounds + 1):
            for shape in AIMS:
                hot = shape == "hot"
                cursor.execute("VACUUM ANALYZE")
                cursor.execute("CHECKPOINT")
                legs[shape]["floor"].append(measure_floor(database, hot=hot, seconds=seconds, accounts=accounts))
                cursor.execute("CHECKPOINT")
                legs[shape]["ours"].append(measure_ours(server, callers, hot=hot, seconds=seconds))
                floor, ours = legs[shape]["floor"][-1], legs[shape]["ours"][-1]
                print(
                    f"round {number}/{rounds} {shape:8}"
                    f" floor {floor.per_second:7.0f}/s   ours {ours.per_second:6.0f}/s",
                    flush=True,
                )
    return legs


def summarise(legs: dict[str, dict[str, list[Measured]]]) -> dict[str, dict[str, object]]:
    """Medians of each figure, and the ratio of ours to the floor, by shape."""
    summary: dict[str, dict[str, object]] = {}
    for shape, sides in legs.items():
        middle = {side: _take_medians(measured) for side, measured in sides.items()}
        ratio = middle["ours"].per_second / middle["floor"].per_second
        summary[shape] = {
            "floor": asdict(middle["floor"]),
            "ours": asdict(middle["ours"]),
            "ratio": round(ratio, 3),
            "aim": AIMS[shape],
            "rounds": {side: [asdict(leg) for leg in measured] for side, measured in sides.items()},
        }
        _print_shape(shape, middle["floor"], middle["ours"], ratio)
    return summary


def _take_medians(measured: Sequence[Measured]) -> Measured:
    rows = [asdict(leg) for leg in measured]
    figures = {name: round(median(row[name] for row in rows), 2) for name in rows[0] if name != "failed"}
    return Measured(**figures, failed=sum(leg.failed for leg in measured))


def _print_shape(shape: str, floor: Measured, ours: Measured, ratio: float) -> None:
    print(f"\n{shape}")
    print("         transfers/s   p50 ms   p99 ms   CPU µs per transfer: app  database  client   failed")
    for name, leg in (("floor", floor), ("ours", ours)):
        print(
            f"  {name:6} {leg.per_second:11.0f} {leg.p50_ms:8.2f} {leg.p99_ms:8.2f}"
            f" {leg.app_cpu_us:25.0f} {leg.database_cpu_us:9.0f} {leg.client_cpu_us:7.0f} {leg.failed:8d}"
        )
    print(f"  ratio {ratio:.3f} (aim {AIMS[shape]:.2f})")


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of `make bench`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transfers", description="Transfers against the floor.")
    parser.add_argument("--seconds", type=float, default=8, help="length of each leg (default 8)")
    parser.add_argument("--rounds", type=int, default=5, help="floor and ours in turns, so often (default 5)")
    parser.add_argument("--workers", type=int, help="gunicorn workers (default: the product's)")
    parser.add_argument("--threads", type=int, help="threads per worker (default: the product's)")
    parser.add_argument("--accounts", type=int, default=1000, help="accounts to spread over (default 1000)")
    parser.add_argument("--output", type=Path, default=BUILD / "bench.json", help="where the figures go as JSON")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints, writes the JSON; 1 when the ledger does not verify afterwards."""
    options = parse_arguments(arguments)
    settings = {}
    if options.workers:
        settings["WEB_WORKERS"] = str(options.workers)
    if options.threads:
        settings["WEB_THREADS"] = str(options.threads)
    with open_database(settings) as database:
        print(f"making {options.accounts} accounts", flush=True)
        callers = make_callers(database.environment, options.accounts + 1)
        with serve_wallet(database) as server:
            legs = run_rounds(database, server, callers, rounds=options.rounds, seconds=options.seconds)
        summary = summarise(legs)
        try:
            run_flask(database.environment, "verify-ledger")
        except RuntimeError as error:
            print(error, file=sys.stderr)
            clean = False
        else:
            clean = True
    print(f"\nverify-ledger: {'clean' if clean else 'NOT CLEAN'}")
    report = {
        "seconds": options.seconds,
        "rounds": options.rounds,
        "accounts": options.accounts,
        "connections": CONNECTIONS,
        "cpus": os.cpu_count(),
        "ledger_clean": clean,
        **summary,
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(report, indent=2) + "\n")
    print(f"written to {options.output}")
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
