"""What the supervisor reads from the environment, and what it tells about it in the end."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config import DEMO_PASSWORD, load_config
from wallet_app.embedded.development import get_data_dir
from wallet_app.embedded.errors import SupervisorError
from wallet_app.errors import ConfigurationError

_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
_DEMO_STAFF = ("admin", "operations", "support", "analyst", "analyst2", "auditor")
_DEMO_CUSTOMERS = ("ana", "bo", "mei")


@dataclass(frozen=True)
class Settings:
    """What the supervisor reads from the environment."""

    environment: str
    data_dir: Path
    host: str
    port: int
    database_url: str | None
    demo_password: str

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Settings":
        """Reads the settings.

        Raises:
            SupervisorError: one is missing or makes no sense.
        """
        environment = environ.get("WALLET_ENV") or "development"
        port = environ.get("PORT") or "5000"
        if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
            raise SupervisorError(f"PORT must be a number from 1 to 65535, not {port!r}.")
        _check_configuration(environ)
        return cls(
            environment=environment,
            data_dir=get_data_dir(),
            host=environ.get("BIND") or "127.0.0.1",
            port=int(port),
            database_url=environ.get("DATABASE_URL") or None,
            demo_password=environ.get("DEMO_PASSWORD") or DEMO_PASSWORD,
        )

    @property
    def reachable_host(self) -> str:
        """A host by which we reach ourselves."""
        return _EVERY_ADDRESS.get(self.host, self.host)

    def describe(self) -> str:
        """Where to go and, in the demo, who can sign in."""
        host = f"[{self.reachable_host}]" if ":" in self.reachable_host else self.reachable_host
        base = f"http://{host}:{self.port}"
        lines = [
            "",
            f"The wallet is running ({self.environment}). Ctrl-C stops it.",
            "",
            f"  {base}/             leads to the back office",
            f"  {base}/backoffice/  the staff pages",
            f"  {base}/docs         the API, readable and runnable",
        ]
        if self.environment == "development":
            lines += [
                "",
                f"Who can sign in, all with the password {self.demo_password}",
                f"  staff      {' '.join(f'{name}@wallet.example' for name in _DEMO_STAFF)}",
                f"  customers  {' '.join(f'{name}@wallet.example' for name in _DEMO_CUSTOMERS)}",
            ]
        return "\n".join([*lines, ""])


def _check_configuration(environ: Mapping[str, str]) -> None:
    """Says at once what the application would say later."""
    try:
        load_config(environ)
    except ConfigurationError as error:
        raise SupervisorError(str(error)) from error
