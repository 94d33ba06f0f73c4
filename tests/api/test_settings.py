"""Settings: from the environment only, refused with the name of what is wrong."""

import pytest

from config import load_config
from wallet_app.errors import ConfigurationError

PRODUCTION = {
    "WALLET_ENV": "production",
    "DATABASE_URL": "postgresql://wallet:secret@db/wallet",
    "SECRET_KEY": "s" * 32,
    "JWT_SECRET_KEY": "j" * 32,
}


def test_development_needs_nothing() -> None:
    config = load_config({})
    assert (config.ENVIRONMENT, config.SANDBOX, config.HSTS, config.TESTING) == ("development", True, False, False)
    assert (config.RATE_LIMIT, config.CORS_ORIGINS, config.DEMO_PASSWORD) == ("6000/minute", [], "demo-wallet-2026")
    assert len(config.SECRET_KEY) >= 32
    assert config.SECRET_KEY != load_config({}).SECRET_KEY


def test_production_is_strict_by_default() -> None:
    config = load_config(PRODUCTION)
    assert (config.SANDBOX, config.HSTS, config.SESSION_COOKIE_SECURE) == (False, True, True)
    assert config.DEMO_PASSWORD is None
    assert "psycopg2" not in config.SQLALCHEMY_DATABASE_URI
    assert config.SQLALCHEMY_DATABASE_URI.endswith("://wallet:secret@db/wallet")


@pytest.mark.parametrize(
    ("missing", "value"),
    [
        ("DATABASE_URL", None),
        ("DATABASE_URL", ""),
        ("SECRET_KEY", None),
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "s" * 31),
        ("JWT_SECRET_KEY", None),
        ("JWT_SECRET_KEY", "j" * 31),
    ],
)
def test_production_says_which_setting_is_missing(missing: str, value: str | None) -> None:
    env = {name: text for name, text in {**PRODUCTION, missing: value}.items() if text is not None}
    with pytest.raises(ConfigurationError, match=missing):
        load_config(env)


def test_production_refuses_what_belongs_to_demonstrations() -> None:
    with pytest.raises(ConfigurationError, match="DEMO_PASSWORD"):
        load_config({**PRODUCTION, "DEMO_PASSWORD": "demo-wallet-2026"})
    with pytest.raises(ConfigurationError, match="JWT_SECRET_KEY"):
        load_config({**PRODUCTION, "JWT_SECRET_KEY": PRODUCTION["SECRET_KEY"]})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WALLET_ENV", "prod"),
        ("SANDBOX", "maybe"),
        ("LOCK_TIMEOUT_MS", "3s"),
        ("LOCK_TIMEOUT_MS", "0"),
        ("LOCK_TIMEOUT_MS", "-1"),
        ("STATEMENT_TIMEOUT_MS", "٣"),
        ("WEB_THREADS", "0"),
        ("TRUSTED_PROXIES", "all"),
        ("RATE_LIMIT", "many"),
        ("RATE_LIMIT", "0/minute"),
        ("RATE_LIMIT", "10/minute;1/second"),
        ("LOG_LEVEL", "LOUD"),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "https://*.example"),
        ("CORS_ORIGINS", "https://shop.example/"),
        ("CORS_ORIGINS", "shop.example"),
        ("CORS_ORIGINS", "https://shop.example, null"),
        ("CORS_ORIGINS", r"https://.*\.example"),
    ],
)
def test_a_faulty_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        load_config({name: value})


@pytest.mark.parametrize(
    "name", ["SANDBOX", "LOCK_TIMEOUT_MS", "RATE_LIMIT", "LOG_LEVEL", "CORS_ORIGINS", "REDIS_URL", "WEB_THREADS"]
)
def test_an_empty_setting_is_none(name: str) -> None:
    assert vars(load_config({name: "", "SECRET_KEY": "s", "JWT_SECRET_KEY": "j"})) == vars(
        load_config({"SECRET_KEY": "s", "JWT_SECRET_KEY": "j"})
    )


def test_settings_are_read() -> None:
    config = load_config(
        {
            "CORS_ORIGINS": "https://a.example, http://localhost:3000",
            "RATE_LIMIT": "10/second",
            "SANDBOX": "0",
            "TRUSTED_PROXIES": "2",
            "LOCK_TIMEOUT_MS": "1500",
            "DATABASE_URL": "postgres://x/y",
        }
    )
    assert config.CORS_ORIGINS == ["https://a.example", "http://localhost:3000"]
    assert (config.RATE_LIMIT, config.SANDBOX, config.TRUSTED_PROXIES) == ("10/second", False, 2)
    assert config.SQLALCHEMY_ENGINE_OPTIONS["lock_timeout_ms"] == 1500
    assert not config.SQLALCHEMY_DATABASE_URI.startswith("postgres:")
