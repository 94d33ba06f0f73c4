"""Settings, one class per environment, filled from the environment variables only.

``docs/operations.md`` lists every variable. Nothing else in the product reads ``os.environ`` for settings.
"""

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from limits import parse_many

from wallet_app.database import DRIVER
from wallet_app.embedded import get_bundled_url
from wallet_app.errors import ConfigurationError

ROOT = Path(__file__).resolve().parent
DEMO_PASSWORD = "demo-wallet-2026"  # noqa: S105 - the published password of the demo data, refused in production
ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")


def rewrite_database_url(url: str) -> str:
    """Name the driver: SQLAlchemy 2.1 reads a bare ``postgresql://`` as psycopg 3, and we use psycopg2 our own way."""
    scheme, separator, rest = url.partition("://")
    if scheme in {"postgresql", "postgres", "postgresql+psycopg2"}:
        return f"{DRIVER}{separator}{rest}"
    return url


def _read_number(env: Mapping[str, str], name: str, default: int, *, least: int = 1) -> int:
    text = env.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) >= least):
        raise ConfigurationError(f"{name} must be a whole number from {least} on, not {text!r}")
    return int(text)


def _read_flag(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = (env.get(name) or ("1" if default else "0")).lower()
    if text not in {"0", "1", "true", "false", "yes", "no"}:
        raise ConfigurationError(f"{name} must be 0 or 1, not {text!r}")
    return text in {"1", "true", "yes"}


def _read_origins(env: Mapping[str, str]) -> list[str]:
    origins = [origin.strip() for origin in env.get("CORS_ORIGINS", "").split(",") if origin.strip()]
    for origin in origins:
        # A wildcard or a pattern would let in more than whoever wrote it may have meant.
        if not ORIGIN.fullmatch(origin):
            raise ConfigurationError(f"CORS_ORIGINS lists origins such as https://shop.example, not {origin!r}")
    return origins


def _read_rate_limit(env: Mapping[str, str]) -> str:
    text = env.get("RATE_LIMIT") or "6000/minute"
    try:
        limits = parse_many(text)
    except ValueError:
        limits = []
    if len(limits) != 1 or limits[0].amount < 1:
        raise ConfigurationError(f"RATE_LIMIT must be one limit, such as 6000/minute, not {text!r}")
    return text


def _read_log_level(env: Mapping[str, str]) -> str:
    text = (env.get("LOG_LEVEL") or "INFO").upper()
    if text not in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}:
        raise ConfigurationError(f"LOG_LEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL, not {text!r}")
    return text


@dataclass(kw_only=True)
class Config:
    """What every environment shares. Durations ending in ``_MS`` are milliseconds."""

    ENVIRONMENT: str
    SQLALCHEMY_DATABASE_URI: str
    USES_BUNDLED_DATABASE: bool
    SECRET_KEY: str
    JWT_SECRET_KEY: str
    SANDBOX: bool
    DEMO_PASSWORD: str | None
    REDIS_URL: str | None
    CORS_ORIGINS: list[str]
    RATE_LIMIT: str
    LOG_LEVEL: str
    LOCK_TIMEOUT_MS: int
    STATEMENT_TIMEOUT_MS: int
    TRUSTED_PROXIES: int
    DATA_DIR: Path
    POOL_SIZE: int
    SESSION_COOKIE_SECURE: bool
    HSTS: bool
    JWT_ACCESS_TOKEN_EXPIRES: timedelta = timedelta(minutes=15)
    JWT_REFRESH_TOKEN_EXPIRES: timedelta = timedelta(days=30)
    JWT_ALGORITHM: str = "HS256"
    SESSION_COOKIE_NAME: str = "wallet_session"
    SESSION_COOKIE_HTTPONLY: bool = True
    SESSION_COOKIE_SAMESITE: str = "Lax"
    WTF_CSRF_TIME_LIMIT: None = None
    MAX_CONTENT_LENGTH: int = 64 * 1024
    TESTING: bool = False
    SQLALCHEMY_ENGINE_OPTIONS: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.SQLALCHEMY_ENGINE_OPTIONS = {
            "pool_size": self.POOL_SIZE,
            "max_overflow": 4,
            "pool_timeout": 10,
            "pool_recycle": 1800,
            "hide_parameters": True,  # they hold personal data, and errors are logged
            "connect_args": {
                "connect_timeout": 5,
                "application_name": "wallet",
                # A server that vanished without a word is given up after a while, not waited for.
                "keepalives_idle": 30,
                "keepalives_interval": 10,
                "keepalives_count": 3,
                "tcp_user_timeout": 30_000,
            },
            "lock_timeout_ms": self.LOCK_TIMEOUT_MS,
            "statement_timeout_ms": self.STATEMENT_TIMEOUT_MS,
        }


def _read_common(env: Mapping[str, str], *, production: bool) -> dict[str, object]:
    url, data_dir = env.get("DATABASE_URL"), Path(env.get("WALLET_DATA_DIR") or ROOT / "instance").resolve()
    return {
        # Where the bundled database listens is known whether it runs or not; nothing here starts it.
        "SQLALCHEMY_DATABASE_URI": rewrite_database_url(url or get_bundled_url(data_dir)),
        "USES_BUNDLED_DATABASE": not url,
        # Without a given secret every process makes its own: fine for a command, and make run hands one down.
        "SECRET_KEY": env.get("SECRET_KEY") or secrets.token_hex(32),
        "JWT_SECRET_KEY": env.get("JWT_SECRET_KEY") or secrets.token_hex(32),
        "SANDBOX": _read_flag(env, "SANDBOX", default=not production),
        "DEMO_PASSWORD": env.get("DEMO_PASSWORD", None if production else DEMO_PASSWORD),
        "REDIS_URL": env.get("REDIS_URL") or None,
        "CORS_ORIGINS": _read_origins(env),
        "RATE_LIMIT": _read_rate_limit(env),
        "LOG_LEVEL": _read_log_level(env),
        "LOCK_TIMEOUT_MS": _read_number(env, "LOCK_TIMEOUT_MS", 3_000),
        "STATEMENT_TIMEOUT_MS": _read_number(env, "STATEMENT_TIMEOUT_MS", 15_000),
        "TRUSTED_PROXIES": _read_number(env, "TRUSTED_PROXIES", 0, least=0),
        "DATA_DIR": data_dir,
        "POOL_SIZE": _read_number(env, "WEB_THREADS", 16),
        "SESSION_COOKIE_SECURE": production,
        "HSTS": production,
    }


def _refuse_unsafe_production(env: Mapping[str, str]) -> None:
    """Production starts on its own database and its own secrets, or not at all."""
    if not env.get("DATABASE_URL"):
        raise ConfigurationError(
            "DATABASE_URL is not set: production does not run on the bundled database. "
            "Set DATABASE_URL=postgresql://user:password@host/name"
        )
    for name in ("SECRET_KEY", "JWT_SECRET_KEY"):
        if len(env.get(name, "")) < 32:
            raise ConfigurationError(f"{name} is missing or shorter than 32 characters: set a long random {name}")
    if env["SECRET_KEY"] == env["JWT_SECRET_KEY"]:
        raise ConfigurationError("JWT_SECRET_KEY equals SECRET_KEY: give each its own random value")
    if "DEMO_PASSWORD" in env:
        raise ConfigurationError("DEMO_PASSWORD is set: production has no demo data. Unset DEMO_PASSWORD")


def load_config(env: Mapping[str, str] | None = None) -> Config:
    """Read the settings for ``WALLET_ENV``: development (the default), testing or production.

    Raises:
        ConfigurationError: a setting is missing, unreadable or unsafe; the message names it.
    """
    env = os.environ if env is None else env
    environment = env.get("WALLET_ENV", "development")
    if environment not in {"development", "testing", "production"}:
        raise ConfigurationError(f"WALLET_ENV must be development, testing or production, not {environment!r}")
    production = environment == "production"
    if production:
        _refuse_unsafe_production(env)
    common = _read_common(env, production=production)
    return Config(ENVIRONMENT=environment, TESTING=environment == "testing", **common)  # type: ignore[arg-type]
