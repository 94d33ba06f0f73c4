"""A wallet that really runs, as `make run` starts it, for tests that kill parts of it."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

PROJECT_ROOT = Path(__file__).resolve().parents[2]
SUPERVISOR = (sys.executable, "-m", "wallet_app.embedded")
START_SECONDS = 180  # the first start seeds the demo data
_OURS = ("DATABASE_URL", "TEST_DATABASE_URL", "SECRET_KEY", "JWT_SECRET_KEY", "REDIS_URL", "WALLET_ENV")
_MAKES = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")


@contextmanager
def make_directory() -> Iterator[Path]:
    """A directory outside pytest's own, which every new run of pytest closes to other users."""
    directory = Path(tempfile.mkdtemp(prefix="wallet-operations-")).resolve()
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def choose_free_port() -> int:
    """A port nobody uses, below the range from which the kernel takes its own."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


def wait_until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    """Waits until something holds; fails, saying what was awaited, when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} seconds"
        time.sleep(0.1)


def is_running(process_id: int) -> bool:
    """Whether a process lives; one that waits for its parent to notice that it ended does not."""
    try:
        return bool(psutil.Process(process_id).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class RunningWallet:
    """A supervisor and all it owns, on a data directory and a port of its own."""

    def __init__(self, data_dir: Path, port: int | None = None) -> None:
        self.data_dir = data_dir
        self.port = port or choose_free_port()
        self.log_path = data_dir.parent / f"{data_dir.name}.output"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, command: Sequence[str] = SUPERVISOR, **settings: str) -> None:
        """Starts it, in a process group of its own, as a terminal would."""
        environment = {name: value for name, value in os.environ.items() if name not in {*_OURS, *_MAKES}}
        environment |= {"WALLET_DATA_DIR": str(self.data_dir), "PORT": str(self.port), **settings}
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=PROJECT_ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_welcome(self) -> None:
        """Waits for the last thing it prints: where to go."""
        wait_until(lambda: "The wallet is running" in self.output or self.has_ended(), START_SECONDS, "the welcome")
        assert not self.has_ended(), self.output

    def wait_until_ready(self, seconds: float = 60) -> None:
        """Waits until it serves."""
        wait_until(self.is_ready, seconds, f"ready again; it said:\n{self.output}")

    def is_ready(self) -> bool:
        return self.call("GET", "/health/ready")[0] == 200

    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    @property
    def output(self) -> str:
        """What it printed since its last start."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    @property
    def process_ids(self) -> dict[str, int]:
        """Who runs under which process id, as the supervisor notes it."""
        return dict(json.loads((self.data_dir / "pids.json").read_text()))

    def call(
        self, method: str, path: str, body: dict[str, object] | None = None, token: str = ""
    ) -> tuple[int, dict[str, Any]]:
        """One request; status 0 when nobody answers."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            headers=headers,
            data=None if body is None else json.dumps(body).encode(),
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, json.loads(response.read() or b"{}")
        except urllib.error.HTTPError as error:
            return error.code, {}
        except (OSError, ValueError):
            return 0, {}

    def signal(self, signal_number: int) -> None:
        """Signals the process that was started, and only that one."""
        assert self.process is not None
        self.process.send_signal(signal_number)

    def press_ctrl_c(self) -> None:
        """Signals its whole process group, as a terminal does."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGINT)

    def wait_until_ended(self, seconds: float = 60) -> int:
        """Waits for it to end; answers its exit status."""
        assert self.process is not None
        return self.process.wait(seconds)

    def list_processes(self) -> list[str]:
        """Every process that belongs to this data directory, PostgreSQL's own included."""
        found = []
        for process in psutil.process_iter():
            try:
                if self._owns(process):
                    found.append(f"{process.pid} {' '.join(process.cmdline())}")
            except (psutil.Error, OSError):
                continue
        return found

    def _owns(self, process: psutil.Process) -> bool:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        in_environment = process.environ().get("WALLET_DATA_DIR") == str(self.data_dir)
        return in_environment or bool(process.cwd() == str(self.data_dir / "postgres"))

    def clean_up(self) -> None:
        """Ends whatever a failed test left."""
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
        for line in self.list_processes():
            os.kill(int(line.split()[0]), signal.SIGKILL)
