"""The load client is right about HTTP, and `make bench` and `make race` run: a few seconds of each."""

import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from benchmarks import race, transfers
from benchmarks.customers import Customer, find_noon_zone
from benchmarks.load import (
    LoadClient,
    ProtocolError,
    Request,
    Response,
    build_request,
    get_percentile,
    parse_response,
)
from benchmarks.storm import StormTraffic

ANSWER = b"HTTP/1.1 201 CREATED\r\nContent-Length: 2\r\n\r\nok"
LAST_ANSWER = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"
PING = build_request("GET", "/ping")


@pytest.mark.parametrize("length", range(len(ANSWER)))
def test_a_response_is_not_complete_before_its_last_byte(length: int) -> None:
    assert parse_response(ANSWER[:length]) is None


def test_a_response_is_status_head_and_body() -> None:
    response = parse_response(ANSWER)
    assert response is not None
    assert (response.status, response.body, response.find_header("content-LENGTH")) == (201, b"ok", "2")
    assert not response.closes


def test_no_content_needs_no_length() -> None:
    response = parse_response(b"HTTP/1.1 204 NO CONTENT\r\nX-Request-Id: a\r\n\r\n")
    assert response is not None
    assert response.status == 204


@pytest.mark.parametrize(
    "received",
    [b"SMTP hello\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", ANSWER + b"more"],
)
def test_anything_else_is_an_error(received: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_response(received)


def test_percentiles_are_nearest_rank() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert [get_percentile(values, percent) for percent in (1, 50, 99, 100)] == [1, 50, 99, 100]
    assert get_percentile([], 99) == 0


def test_it_is_noon_where_the_racers_live() -> None:
    now = datetime.now(UTC)
    assert now.astimezone(ZoneInfo(find_noon_zone())).hour in {11, 12}


class Counting:
    """Sends `count` pings; sends again what was lost."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.answers: list[Response] = []

    def next_request(self, client: int) -> Request | None:
        self.left -= 1
        return Request(PING) if self.left >= 0 else None

    def on_response(self, client: int, request: Request, response: Response) -> Request | None:
        self.answers.append(response)
        return None

    def on_lost(self, client: int, request: Request) -> Request | None:
        return request


@contextmanager
def serve_script(connections: Sequence[Sequence[Sequence[bytes]]]) -> Iterator[int]:
    """A server that follows a script: for each connection its answers, each in pieces sent one by one.

    An answer of no pieces hangs up on the request.
    """
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for answers in connections:
            connection, _ = listener.accept()
            with connection:
                for pieces in answers:
                    assert connection.recv(65536) == PING
                    for piece in pieces:
                        connection.sendall(piece)
                        time.sleep(0.01)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        thread.join(10)
        listener.close()


def test_answers_in_pieces_and_closed_connections_are_each_counted_once() -> None:
    in_pieces = [ANSWER[:5], ANSWER[5:30], ANSWER[30:-1], ANSWER[-1:]]
    script = [
        [in_pieces, [ANSWER], [LAST_ANSWER]],
        [[ANSWER], []],
        [[ANSWER[:20]]],
        [[ANSWER], [ANSWER]],
    ]
    traffic = Counting(6)
    with serve_script(script) as port:
        result = LoadClient("127.0.0.1", port, traffic, clients=1).run(10)
    assert [answer.status for answer in traffic.answers] == [201, 201, 200, 201, 201, 201]
    assert dict(result.statuses) == {201: 5, 200: 1}
    assert (result.answered, result.lost, result.connects) == (6, 2, 4)
    assert all(seconds > 0 for seconds in result.latencies)


def test_a_silent_server_counts_as_lost() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    traffic = Counting(1)
    try:
        client = LoadClient("127.0.0.1", listener.getsockname()[1], traffic, clients=1, timeout=0.1)
        assert client.run(0.3, drain_seconds=0.3).lost >= 1
    finally:
        listener.close()


def make_answer(status: int, body: bytes, *, replayed: bool = False) -> Response:
    return Response(status, b"HTTP/1.1 X\r\nIdempotency-Replayed: true" if replayed else b"HTTP/1.1 X", body)


def test_the_storm_repeats_until_the_answer_is_final_and_notices_a_changed_replay() -> None:
    storm = StormTraffic([Customer("a", "1"), Customer("b", "2")])
    request = storm.next_request(0)
    assert request is not None
    for unfinished in (make_answer(503, b"{}"), make_answer(409, b'{"code": "IDEMPOTENCY_IN_PROGRESS"}')):
        again = storm.on_response(0, request, unfinished)
        assert again is not None
        assert again.data == request.data
    assert storm.on_response(0, request, make_answer(201, b'{"id": "7"}')) is None
    assert storm.attempts[0].transaction_id == "7"

    storm.on_response(0, request, make_answer(201, b'{"id": "7"}', replayed=True))
    assert storm.changed == []
    storm.on_response(0, request, make_answer(201, b'{"id": "7"}'))
    storm.on_response(0, request, make_answer(201, b'{"id": "8"}', replayed=True))
    assert len(storm.changed) == 2


@pytest.mark.slow
def test_bench_measures_both_sides_and_leaves_a_clean_ledger(tmp_path: Path) -> None:
    output = tmp_path / "bench.json"
    options = ["--seconds", "1", "--rounds", "1", "--accounts", "20", "--output", str(output)]
    assert transfers.main(options) == 0
    report = json.loads(output.read_text())
    assert report["ledger_clean"] is True
    for shape in ("uniform", "hot"):
        assert report[shape]["ours"]["failed"] == 0
        assert report[shape]["ours"]["per_second"] > 0
        assert report[shape]["floor"]["per_second"] > 0
        assert report[shape]["ratio"] > 0


@pytest.mark.slow
def test_race_passes_and_its_control_run_sees_the_harm() -> None:
    options = ["--seconds", "6", "--clients", "16", "--postgres-kill-seconds", "3", "--control-seconds", "3"]
    assert race.main(options) == 0
