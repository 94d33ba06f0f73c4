"""A load client that costs next to nothing, so that it measures the server and not itself.

One process, one thread, keep-alive sockets and a selector. Requests are ready-made bytes; of an answer only
the status, the length and the body are looked at. What to send, and what to do when the server hangs up, is
decided by the caller's `Traffic`.
"""

from __future__ import annotations

import heapq
import re
import selectors
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Protocol

RECEIVE_BYTES = 65536
RECONNECT_SECONDS = 0.02
CONNECT_TIMEOUT_SECONDS = 1.0
_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection:[ \t]*close", re.IGNORECASE)


class ProtocolError(Exception):
    """The server answered something that is not an HTTP/1.1 response with a Content-Length."""


@dataclass(slots=True)
class Request:
    """One request, ready to be written. `tag` is the caller's own; `delay` seconds pass before it is sent."""

    data: bytes
    tag: object = None
    delay: float = 0.0


@dataclass(slots=True)
class Response:
    """One answer: status, raw head without the final blank line, body, and seconds from sending to the last
    byte.
    """

    status: int
    head: bytes
    body: bytes
    seconds: float = 0.0

    def find_header(self, name: str) -> str | None:
        """The value of a header, whatever the case of its name; None when the answer has none."""
        match = re.search(rb"\r\n" + re.escape(name.encode()) + rb":[ \t]*([^\r]*)", self.head, re.IGNORECASE)
        return match[1].decode("latin-1").strip() if match else None

    @property
    def closes(self) -> bool:
        """Whether the server hangs up after this answer."""
        return _CLOSES.search(self.head) is not None


class Traffic(Protocol):
    """What clients send. A client is one connection and has one request under way at a time."""

    def next_request(self, client: int) -> Request | None:
        """The next new request; None when this client has finished. Not asked after the deadline."""

    def on_response(self, client: int, request: Request, response: Response) -> Request | None:
        """Takes an answer; a request returned here (a retry, say) goes out before any new one."""

    def on_lost(self, client: int, request: Request) -> Request | None:
        """The server hung up, or stayed silent, before the whole answer had come. Returns what to send now,
        if anything.
        """


@dataclass(slots=True)
class LoadResult:
    """What was seen. `seconds` is the measured time, `lost` counts requests that got no whole answer."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    lost: int = 0
    connects: int = 0

    @property
    def answered(self) -> int:
        """Answers of any status."""
        return len(self.latencies)

    @property
    def per_second(self) -> float:
        """Answers of any status a second."""
        return self.answered / self.seconds if self.seconds else 0.0

    def get_percentile(self, percent: float) -> float:
        """Seconds within which `percent` of the answers came (nearest rank); 0.0 when there were none."""
        return get_percentile(self.latencies, percent)


def get_percentile(values: list[float], percent: float) -> float:
    """The nearest-rank percentile of values in any order; 0.0 for an empty list."""
    if not values:
        return 0.0
    rank = -(-len(values) * percent // 100)
    return sorted(values)[max(int(rank), 1) - 1]


def build_request(method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    """The bytes of an HTTP/1.1 request to a local server; a body is announced as JSON."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json"]
    if body:
        lines += ["Content-Type: application/json"]
    if body or method not in {"GET", "HEAD"}:
        lines += [f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def parse_response(received: bytes) -> Response | None:
    """The response at the start of what was received, or None while part of it is still missing.

    Raises ProtocolError for anything but one HTTP/1.1 response whose length is given; bytes after it are an
    error
    too, since no second request is under way.
    """
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    if not received.startswith(b"HTTP/1.1 "):
        raise ProtocolError(f"no HTTP/1.1 response: {received[:60]!r}")
    status = int(received[9:12])
    head = received[:end]
    length = 0
    if status not in {204, 304}:
        match = _CONTENT_LENGTH.search(head)
        if match is None:
            raise ProtocolError(f"response without Content-Length: {head[:200]!r}")
        length = int(match[1])
    missing = end + 4 + length - len(received)
    if missing > 0:
        return None
    if missing < 0:
        raise ProtocolError(f"{-missing} bytes too many after a response: {received[missing:][:60]!r}")
    return Response(status, head, received[end + 4 :])


class _Connection:
    """One client's socket and the request it waits for."""

    __slots__ = ("client", "received", "request", "sent_at", "sock", "unsent")

    def __init__(self, client: int) -> None:
        self.client = client
        self.sock: socket.socket | None = None
        self.request: Request | None = None
        self.received = b""
        self.unsent = b""
        self.sent_at = 0.0


class LoadClient:
    """Drives `clients` connections against one server in a closed loop: each sends as soon as it has its
    answer.
    """

    def __init__(self, host: str, port: int, traffic: Traffic, *, clients: int = 16, timeout: float = 30.0) -> None:
        self.address = (host, port)
        self.traffic = traffic
        self.clients = clients
        self.timeout = timeout
        self.result = LoadResult()
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, _Connection]] = []
        self._deadline = 0.0
        self._open: set[_Connection] = set()

    def run(
        self, seconds: float, *, drain_seconds: float = 30.0, on_tick: Callable[[], None] | None = None
    ) -> LoadResult:
        """Sends new requests for `seconds`, then waits for the last answers (and retries) up to
        `drain_seconds` more.

        `on_tick` is called a few times a second, for whoever wants to report or to make trouble.
        """
        started = perf_counter()
        self._deadline = started + seconds
        self._open = {_Connection(client) for client in range(self.clients)}
        for connection in list(self._open):
            self._start_next(connection, None)
        next_tick = started
        while self._open and perf_counter() < self._deadline + drain_seconds:
            for key, events in self._selector.select(self._seconds_to_timer()):
                self._handle(key.data, events)
            self._run_timers()
            now = perf_counter()
            if now >= next_tick:
                next_tick = now + 0.2
                self._drop_silent(now)
                if on_tick is not None:
                    on_tick()
        self.result.seconds = perf_counter() - started
        for connection in list(self._open):
            self._disconnect(connection)
        self._selector.close()
        return self.result

    def _handle(self, connection: _Connection, events: int) -> None:
        if connection.sock is None:
            return
        if events & selectors.EVENT_WRITE:
            self._write(connection, connection.unsent)
        if events & selectors.EVENT_READ and connection.sock is not None:
            self._read(connection)

    def _read(self, connection: _Connection) -> None:
        assert connection.sock is not None
        try:
            chunk = connection.sock.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        request = connection.request
        if not chunk or request is None:
            self._lose(connection)
            return
        received = connection.received + chunk if connection.received else chunk
        response = parse_response(received)
        if response is None:
            connection.received = received
            return
        response.seconds = perf_counter() - connection.sent_at
        connection.received = b""
        connection.request = None
        self.result.latencies.append(response.seconds)
        self.result.statuses[response.status] += 1
        if response.closes:
            self._disconnect(connection)
        self._start_next(connection, self.traffic.on_response(connection.client, request, response))

    def _start_next(self, connection: _Connection, request: Request | None) -> None:
        if request is None and perf_counter() < self._deadline:
            request = self.traffic.next_request(connection.client)
        connection.request = request
        if request is None:
            self._disconnect(connection)
            self._open.discard(connection)
        elif request.delay > 0:
            self._wait(connection, request.delay)
        else:
            self._send(connection)

    def _send(self, connection: _Connection) -> None:
        assert connection.request is not None
        if connection.sock is None and not self._connect(connection):
            self._wait(connection, RECONNECT_SECONDS)
            return
        connection.sent_at = perf_counter()
        self._write(connection, connection.request.data)

    def _write(self, connection: _Connection, data: bytes) -> None:
        assert connection.sock is not None
        try:
            sent = connection.sock.send(data) if data else 0
        except BlockingIOError:
            sent = 0
        except OSError:
            self._lose(connection)
            return
        rest = data[sent:]
        if rest or connection.unsent:
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if rest else 0)
            self._selector.modify(connection.sock, wanted, connection)
        connection.unsent = rest

    def _connect(self, connection: _Connection) -> bool:
        try:
            sock = socket.create_connection(self.address, timeout=CONNECT_TIMEOUT_SECONDS)
        except OSError:
            return False
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        connection.sock = sock
        self.result.connects += 1
        self._selector.register(sock, selectors.EVENT_READ, connection)
        return True

    def _disconnect(self, connection: _Connection) -> None:
        if connection.sock is not None:
            self._selector.unregister(connection.sock)
            connection.sock.close()
        connection.sock = None
        connection.received = connection.unsent = b""

    def _lose(self, connection: _Connection) -> None:
        request = connection.request
        under_way = request is not None and connection.sent_at > 0
        self._disconnect(connection)
        if request is None or not under_way:
            return  # hung up between two requests: the next one connects afresh
        self.result.lost += 1
        self._start_next(connection, self.traffic.on_lost(connection.client, request))

    def _wait(self, connection: _Connection, seconds: float) -> None:
        connection.sent_at = 0.0
        heapq.heappush(self._timers, (perf_counter() + seconds, connection.client, connection))

    def _seconds_to_timer(self) -> float:
        return max(0.0, min(0.2, self._timers[0][0] - perf_counter())) if self._timers else 0.2

    def _run_timers(self) -> None:
        now = perf_counter()
        while self._timers and self._timers[0][0] <= now:
            self._send(heapq.heappop(self._timers)[2])

    def _drop_silent(self, now: float) -> None:
        for connection in list(self._open):
            if connection.sock is not None and 0.0 < connection.sent_at < now - self.timeout and connection.request:
                self._lose(connection)
