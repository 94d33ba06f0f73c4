"""No Docker engine is needed: the Dockerfile's and compose's own commands run in a clean directory."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest
import yaml

from tests.operations.running_wallet import PROJECT_ROOT, choose_free_port, wait_until
from wallet_app.embedded import start_temporary

VENV_IN_IMAGE = "/opt/venv"
SECRETS = {"SECRET_KEY": "s" * 48, "JWT_SECRET_KEY": "j" * 48, "POSTGRES_PASSWORD": "p" * 24}
SERVICE_KEYS = {
    "image", "build", "command", "environment", "volumes", "ports", "depends_on", "healthcheck", "restart",
    "shm_size", "stop_grace_period", "read_only", "tmpfs", "cap_drop", "security_opt",
}  # fmt: skip


@dataclass
class Dockerfile:
    """The instructions we use, in order; JSON commands as lists."""

    runs: list[str] = field(default_factory=list)
    copies: list[list[str]] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    command: list[str] = field(default_factory=list)
    health_check: list[str] = field(default_factory=list)
    user: str = ""
    build_stages: int = 0

    @classmethod
    def read(cls, path: Path) -> "Dockerfile":
        text = re.sub(r"\\\n\s*", " ", re.sub(r"(?m)^\s*#.*\n", "", path.read_text()))
        found = cls()
        for line in filter(None, text.splitlines()):
            name, _, rest = line.partition(" ")
            found._add(name, rest.strip())
        return found

    def _add(self, name: str, rest: str) -> None:
        match name:
            case "RUN":
                self.runs.append(rest)
            case "COPY":
                self.copies.append(shlex.split(rest))
            case "ENV":
                self.environment |= dict(part.split("=", 1) for part in shlex.split(rest))
            case "CMD":
                self.command = json.loads(rest)
            case "HEALTHCHECK":
                self.health_check = json.loads(rest[rest.index("CMD") + 3 :])
            case "USER":
                self.user = rest
            case "FROM":
                self.build_stages += 1
            case "WORKDIR" | "EXPOSE":
                pass
            case _:
                pytest.fail(f"This test doesn't know what {name} does")


def fill_in(value: Any, environment: Mapping[str, str]) -> Any:
    """Replaces ${NAME}, ${NAME:-default} and ${NAME:?message} as compose does.

    Raises:
        KeyError: a required one is missing.
    """
    if isinstance(value, dict):
        return {key: fill_in(item, environment) for key, item in value.items()}
    if isinstance(value, list):
        return [fill_in(item, environment) for item in value]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        name, operator, rest = match.group("name", "operator", "rest")
        found = environment.get(name, "")
        if not found and operator == ":?":
            raise KeyError(name)
        return found or (rest if operator == ":-" else "")

    return re.sub(r"\$\{(?P<name>\w+)(?:(?P<operator>:[-?])(?P<rest>[^}]*))?\}", replace, value)


def read_compose() -> dict[str, Any]:
    return dict(yaml.safe_load((PROJECT_ROOT / "compose.yaml").read_text()))


@pytest.fixture(scope="module")
def dockerfile() -> Dockerfile:
    return Dockerfile.read(PROJECT_ROOT / "Dockerfile")


def test_the_image_runs_as_nobody_special(dockerfile: Dockerfile) -> None:
    user_id, _, group_id = dockerfile.user.partition(":")
    assert int(user_id) > 1000
    assert int(group_id) > 1000
    assert dockerfile.build_stages == 2


def test_everything_copied_is_let_through_to_the_build(dockerfile: Dockerfile) -> None:
    ignored = (PROJECT_ROOT / ".dockerignore").read_text().splitlines()
    let_through = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copies = [copy for copy in dockerfile.copies if "--from=build" not in copy]
    copied = {name for *sources, _ in copies for name in sources}
    assert copied == let_through
    assert all((PROJECT_ROOT / name).exists() for name in copied)


def test_compose_says_only_what_compose_knows() -> None:
    compose = read_compose()
    assert set(compose) == {"name", "x-wallet", "services", "volumes"}
    assert set(compose["services"]) == {"postgres", "migrate", "web", "worker"}
    for name, service in compose["services"].items():
        assert set(service) <= SERVICE_KEYS, name
        for dependency, terms in service.get("depends_on", {}).items():
            assert dependency in compose["services"]
            assert terms["condition"] in {"service_healthy", "service_completed_successfully"}
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in compose["volumes"]


@pytest.mark.parametrize("name", SECRETS)
def test_compose_has_no_secret_and_asks_for_each(name: str) -> None:
    text = (PROJECT_ROOT / "compose.yaml").read_text()
    with pytest.raises(KeyError, match=name):
        fill_in(yaml.safe_load(text), {key: value for key, value in SECRETS.items() if key != name})
    assert f"{name}=\n" in (PROJECT_ROOT / ".env.example").read_text()


@dataclass
class Container:
    """What the image would be: its files, its programs, its environment, without the walls."""

    app_dir: Path
    venv: Path
    environment: dict[str, str]
    port: int

    def start(self, command: list[str], **more: str) -> "subprocess.Popen[bytes]":
        environment = {**self.environment, **more}
        program = shutil.which(command[0], path=environment["PATH"])
        assert program is not None
        assert program.startswith(str(self.venv)), f"{command[0]} is not the image's own"
        return subprocess.Popen([program, *command[1:]], cwd=self.app_dir, env=environment)


@pytest.fixture(scope="module")
def container(dockerfile: Dockerfile, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """Does what the Dockerfile does, with its own commands; only the places differ."""
    root = tmp_path_factory.mktemp("image")
    venv, app_dir, port = root / "venv", root / "app", choose_free_port()
    places = {VENV_IN_IMAGE: str(venv), "/tmp/requirements.txt": str(root / "requirements.txt")}  # noqa: S108 - in the image

    def place(text: str) -> str:
        for there, here in places.items():
            text = text.replace(there, here)
        return text

    app_dir.mkdir()
    for copy in dockerfile.copies:
        *sources, target = copy
        if sources[0] != "--from=build":
            _copy(sources, Path(place(target)) if target.startswith("/") else app_dir / target)
    base_python = Path(sys.base_prefix) / "bin"
    keep = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "HOME"))}
    for command in dockerfile.runs:
        subprocess.run(
            ["/bin/sh", "-ec", place(command)],
            check=True,
            cwd=root,
            env={**keep, "PATH": f"{base_python}:{os.environ['PATH']}"},
        )
    environment = {name: place(value) for name, value in dockerfile.environment.items()}
    with ExitStack() as stack:
        server = os.environ.get("TEST_DATABASE_URL") or stack.enter_context(start_temporary())
        url = stack.enter_context(OwnDatabase(server))
        environment |= {"DATABASE_URL": url, "PORT": str(port), "BIND": "127.0.0.1"}
        yield Container(app_dir, venv, environment, port)


def _copy(sources: list[str], target: Path) -> None:
    for source in sources:
        found = PROJECT_ROOT / source
        if found.is_dir():
            shutil.copytree(found, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(found, target)


class OwnDatabase:
    """An empty database beside the tests' own, dropped at the end."""

    def __init__(self, server_url: str) -> None:
        self._server_url = server_url
        self._name = f"wallet_docker_{os.getpid()}"

    def __enter__(self) -> str:
        self._run(f"CREATE DATABASE {self._name}")
        return urlsplit(self._server_url)._replace(path=f"/{self._name}").geturl()

    def __exit__(self, *_: object) -> None:
        self._run(f"DROP DATABASE {self._name} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        connection = psycopg2.connect(self._server_url)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
        connection.close()


def service_environment(name: str, container: Container) -> dict[str, str]:
    """A service's environment as compose makes it, but with the tests' database."""
    service = fill_in(read_compose()["services"][name], SECRETS)
    environment = {key: str(value) for key, value in service["environment"].items()}
    assert environment.pop("DATABASE_URL").startswith("postgresql://wallet:")
    return {**environment, "DATABASE_URL": container.environment["DATABASE_URL"]}


@pytest.mark.slow
def test_the_services_commands_run(dockerfile: Dockerfile, container: Container) -> None:
    """In the order of compose.yaml: migrate, then web and worker, then the health check."""
    services = read_compose()["services"]
    migrate = container.start(services["migrate"]["command"], **service_environment("migrate", container))
    assert migrate.wait(120) == 0

    assert "command" not in services["web"]
    web = container.start(dockerfile.command, **service_environment("web", container))
    worker = container.start(services["worker"]["command"], **service_environment("worker", container))
    try:
        for path in ("/health", "/health/ready"):
            wait_until(lambda path=path: _status(container, path) == 200, 60, f"{path} answers")  # type: ignore[misc]
        check = container.start(dockerfile.health_check)
        assert check.wait(30) == 0
        time.sleep(2)
        assert web.poll() is None
        assert worker.poll() is None
    finally:
        for process in (web, worker):
            process.send_signal(signal.SIGTERM)
        statuses = [process.wait(30) for process in (web, worker)]
    assert statuses == [0, 0]
    assert container.start(dockerfile.health_check).wait(30) != 0


def _status(container: Container, path: str) -> int:
    try:
        url = f"http://127.0.0.1:{container.port}{path}"
        with urllib.request.urlopen(url, timeout=5) as response:
            return int(response.status)
    except OSError:
        return 0
