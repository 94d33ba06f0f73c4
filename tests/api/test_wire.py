"""What only a real server and a raw socket show: requests that never become one, odd framing, bodies left unread."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.api.calling import TIME
from tests.conftest import SECRETS
from tests.operations.running_wallet import choose_free_port
from tests.people import Person

ROOT = Path(__file__).parents[2]
MakePerson = Callable[..., Person]
HOST = b"Host: wallet\r\n"
CLOSE = b"Connection: close\r\n"


@pytest.fixture(scope="module")
def port(database_url: str) -> Iterator[int]:
    port = choose_free_port()
    env = {
        **os.environ,
        **SECRETS,
        "WALLET_ENV": "testing",
        "DATABASE_URL": database_url,
        "PORT": str(port),
        "WEB_WORKERS": "1",
        "LOG_LEVEL": "CRITICAL",
        "READ_TIMEOUT_S": "1",
    }
    program = Path(sys.executable).parent / "gunicorn"
    server = subprocess.Popen([program, "-c", "gunicorn.conf.py", "wsgi:app"], cwd=ROOT, env=env)
    try:
        deadline = time.monotonic() + 30
        while not talk(port, b"GET /health HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n"):
            assert server.poll() is None, "gunicorn ended"
            assert time.monotonic() < deadline, "gunicorn did not answer"
            time.sleep(0.1)
        yield port
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)


def talk(port: int, sent: bytes, *, half_close: bool = False) -> list[tuple[int, str, bytes]]:
    """Send bytes; return status, media type and body of each answer. ``half_close`` tells that no more will come."""
    received = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=15) as connection:
            try:
                connection.sendall(sent)
            except OSError:
                pass  # it may answer, and close, before all is sent
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65_536):
                received += part
    except OSError:
        pass
    return list(split_answers(received))


def split_answers(received: bytes) -> Iterator[tuple[int, str, bytes]]:
    while received.startswith(b"HTTP/1."):
        head, _, rest = received.partition(b"\r\n\r\n")
        status = int(head.split()[1])
        headers = {
            name.lower(): value for name, _, value in (line.partition(b": ") for line in head.split(b"\r\n")[1:])
        }
        length = int(headers.get(b"content-length", b"0"))
        yield status, headers.get(b"content-type", b"").decode().partition(";")[0], rest[:length]
        received = rest[length:]


def post(person: Person, body: bytes, *headers: bytes, close: bool = True, below: bytes = b"") -> bytes:
    """The bytes of a request to /transactions, or to an address below it."""
    token = f"Authorization: Bearer {person.tokens['access_token']}".encode()
    line = b"POST /api/v1/transactions%s HTTP/1.1" % below
    lines = [line, b"Host: wallet", token, b"Content-Type: application/json", *headers]
    if close:
        lines.append(b"Connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def make_top_up(person: Person, size: int = 0) -> bytes:
    body = {"type": "top_up", "account_id": str(person.account_id), "amount": "1", "currency": "USD"}
    return json.dumps(body).encode().ljust(size)


def chunk(body: bytes) -> bytes:
    return f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"


CHUNKED = b"Transfer-Encoding: chunked"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /api/v1/" + b"a" * 9_000 + b" HTTP/1.1\r\n" + HOST, 414),
        (b"GET /api/v1/users/me HTTP/1.1\r\n" + HOST + b"X-Big: " + b"a" * 20_000 + b"\r\n", 431),
        (b"GET /api/v1/users/me HTTP/1.1\r\n" + HOST + b"X: y\r\n" * 200, 431),
        (b"GET /api/v1/\x00 HTTP/1.1\r\n" + HOST, 400),
        ("GET /api/v1/transactions?q=é HTTP/1.1\r\n".encode() + HOST, 400),
        (b"POST /api/v1/transactions HTTP/1.1\r\n" + HOST + b"Idempotency-Key: a\x01b\r\n", 400),
        (b"POST /api/v1/transactions HTTP/1.1\r\n" + HOST + b"Idempotency-Key: a\x00b\r\n", 400),
        (b"POST /api/v1/transactions HTTP/1.1\r\n" + HOST + b"Content-Length: -5\r\n", 400),
        (b"POST /api/v1/transactions HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nContent-Length: 6\r\n", 400),
        (b"POST /api/v1/transactions HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n" + CHUNKED + b"\r\n", 400),
        (b"POST /api/v1/transactions HTTP/1.1\r\n" + HOST + b"X : y\r\n", 400),
        (b"GET /api/v1/users/me HTTP/9.9\r\n" + HOST, 400),
        (b"nonsense\r\n", 400),
    ],
)
def test_what_gunicorn_refuses_is_a_problem_too(port: int, sent: bytes, status: int) -> None:
    ((answered, media_type, body),) = talk(port, sent + b"\r\n")
    assert (answered, media_type) == (status, "application/problem+json")
    problem = json.loads(body)
    assert set(problem) == {
        "type",
        "title",
        "status",
        "detail",
        "instance",
        "code",
        "details",
        "timestamp",
        "request_id",
    }
    assert problem["status"] == status
    assert problem["code"].isupper()
    assert TIME.fullmatch(problem["timestamp"])


@pytest.mark.parametrize(
    ("size", "status"), [(300, 201), (65_536, 201), (65_537, 413), (70_000, 413), (20_000_000, 413)]
)
@pytest.mark.parametrize("is_chunked", [True, False])
def test_sizes(port: int, make_customer: MakePerson, size: int, status: int, is_chunked: bool) -> None:
    ana = make_customer()
    body = make_top_up(ana, size)
    if is_chunked:
        sent = post(ana, chunk(body), CHUNKED)
    else:
        sent = post(ana, body, b"Content-Length: %d" % size)
    ((answered, _, answer),) = talk(port, sent)
    assert answered == status, answer
    assert ana.read_balance() == ("1.00" if status == 201 else "0.00")


@pytest.mark.parametrize(("size", "status"), [(70_000, 200), (4_194_304, 200), (4_194_305, 413)])
@pytest.mark.parametrize("is_chunked", [True, False])
def test_sizes_of_batches(port: int, make_customer: MakePerson, size: int, status: int, is_chunked: bool) -> None:
    ana = make_customer()
    item = {**json.loads(make_top_up(ana)), "idempotency_key": "k"}
    body = json.dumps({"mode": "atomic", "items": [item]}).encode().ljust(size)
    framing = CHUNKED if is_chunked else b"Content-Length: %d" % size
    sent = post(ana, chunk(body) if is_chunked else body, framing, below=b"/batch")
    ((answered, _, answer),) = talk(port, sent)
    assert answered == status, answer
    assert ana.read_balance() == ("1.00" if status == 200 else "0.00")


@pytest.mark.parametrize(
    "framing", [b"zz\r\nabc\r\n0\r\n\r\n", b"5\r\nabcdefgh\r\n0\r\n\r\n", b"-5\r\nabc\r\n0\r\n\r\n"]
)
def test_chunks_that_are_none_are_400_and_hide_no_second_request(
    port: int, make_customer: MakePerson, framing: bytes
) -> None:
    ana = make_customer()
    body = make_top_up(ana)
    hidden = post(ana, body, b"Content-Length: %d" % len(body))
    answers = talk(port, post(ana, framing + hidden, CHUNKED, close=False))
    assert [status for status, _, _ in answers] == [400]
    assert json.loads(answers[0][2])["code"] == "MALFORMED_BODY"
    assert ana.read_balance() == "0.00"


def test_a_body_left_unread_is_not_the_next_request(port: int, make_customer: MakePerson) -> None:
    """Refused before its body was read: what follows in it must not be taken for a request."""
    ana = make_customer()
    body = make_top_up(ana)
    hidden = post(ana, body, b"Content-Length: %d" % len(body))
    refused = b"POST /api/v1/transactions HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(hidden) + hidden
    after = b"GET /api/v1/nowhere HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n"
    statuses = [status for status, _, _ in talk(port, refused + after)]
    assert statuses in ([401], [401, 404])
    assert ana.read_balance() == "0.00"


def test_a_body_cut_short_is_400(port: int, make_customer: MakePerson) -> None:
    """However complete what came may look."""
    ana = make_customer()
    body = make_top_up(ana)
    for sent in (
        post(ana, body, b"Content-Length: %d" % (len(body) + 1)),
        post(ana, body[:50], b"Content-Length: 500"),
        post(ana, chunk(body).removesuffix(b"0\r\n\r\n"), CHUNKED),
        post(ana, chunk(body)[:50], CHUNKED),
    ):
        ((status, media_type, answer),) = talk(port, sent, half_close=True)
        assert (status, media_type) == (400, "application/problem+json"), answer
    assert ana.read_balance() == "0.00"


def test_expect_and_several_requests_on_one_connection(port: int, make_customer: MakePerson) -> None:
    ana = make_customer()
    body = make_top_up(ana)
    length = b"Content-Length: %d" % len(body)
    answers = talk(port, post(ana, body, length, close=False) + post(ana, body, length, b"Expect: 100-continue"))
    assert [status for status, _, _ in answers] == [201, 100, 201]
    assert ana.read_balance() == "2.00"


def test_clients_that_fall_silent_do_not_keep_the_threads(port: int) -> None:
    """More of them than there are threads, in the middle of the head and of the body: others are still answered."""
    halves = [
        b"GET /health HTTP/1.1\r\nHost: wallet\r\nX-Half:",
        b"POST /api/v1/auth/login HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\n{",
    ]
    silent = [socket.create_connection(("127.0.0.1", port), timeout=15) for _ in range(40)]
    try:
        for number, connection in enumerate(silent):
            connection.sendall(halves[number % 2])
        ((status, _, _),) = talk(port, b"GET /health HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n")
        assert status == 200
    finally:
        for connection in silent:
            connection.close()
