"""How gunicorn serves the wallet: settings for `gunicorn -c gunicorn.conf.py wsgi:app`."""

import os
import shutil
import socket
import struct
import sys
import tempfile
from typing import Any

# `make run` hands over a socket that is already bound (--bind fd://…), which goes before this.
bind = f"{os.environ.get('BIND') or '127.0.0.1'}:{os.environ.get('PORT') or '5000'}"
backlog = 2048

worker_class = "gthread"
workers = int(os.environ.get("WEB_WORKERS") or 2)
threads = int(os.environ.get("WEB_THREADS") or 16)
preload_app = False  # database connections must not be made before the fork

# A worker that doesn't report for so many seconds is killed and replaced.
timeout = 60
# A stopping worker finishes what it is doing, for at most so long; the supervisor waits two seconds more.
graceful_timeout = 10
# Long enough that clients and proxies, which keep connections for 60 seconds as a rule, close them first.
keepalive = 75
worker_connections = 1000
# The longest silence within a request, in seconds.
READ_TIMEOUT_S = int(os.environ.get("READ_TIMEOUT_S") or 10)

# The workers' heartbeat files: in memory where there is such a place, so that a slow disk kills nobody.
if sys.platform == "linux" and os.access("/dev/shm", os.W_OK):  # noqa: S108 - the kernel's, not a guess
    worker_tmp_dir = "/dev/shm"  # noqa: S108

# The application writes one line a request itself, with its request id.
accesslog = None
errorlog = "-"
loglevel = os.environ.get("LOG_LEVEL", "info").lower()

# No remote control: the supervisor or the container engine starts and stops us.
control_socket_disable = True
# The pure Python parser is the one we test with; "auto" would take another if one happened to be installed.
http_parser = "python"
# Addresses in X-Forwarded-For are for the application to judge (TRUSTED_PROXIES), not for gunicorn.
forwarded_allow_ips = ""

# The workers count in one directory, so that /metrics tells of all of them whichever answers.
_own_metrics_dir = ""
if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
    _own_metrics_dir = tempfile.mkdtemp(prefix="wallet-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = _own_metrics_dir


def on_starting(server: Any) -> None:
    """Say once what is missing, instead of once a worker; and let every refusal be a problem, gunicorn's own too."""
    from config import load_config  # noqa: PLC0415 - the settings of this process, read when it starts
    from wallet_app import wire_refusals  # noqa: PLC0415 - likewise
    from wallet_app.errors import ConfigurationError  # noqa: PLC0415 - likewise

    wire_refusals.install()
    try:
        load_config()
    except ConfigurationError as error:
        sys.stderr.write(f"The wallet does not start: {error}\n")
        sys.exit(3)


def when_ready(server: Any) -> None:
    """Give up on clients that stop in the middle of a request; each would keep a thread for as long as it likes.

    Linux hands the option down to every connection that is accepted.
    """
    for listener in server.LISTENERS:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", READ_TIMEOUT_S, 0))


def child_exit(server: Any, worker: Any) -> None:
    """Forgets the gauges of a worker that ended; its counters stay."""
    from prometheus_client import multiprocess  # noqa: PLC0415 - only once the directory above is set

    multiprocess.mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    """Removes the counts that nobody reads any more."""
    if _own_metrics_dir:
        shutil.rmtree(_own_metrics_dir, ignore_errors=True)
