"""wallet_app: a digital-wallet ledger with a JSON API and a back office over one PostgreSQL database."""

from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask

if TYPE_CHECKING:
    from config import Config

ROOT = Path(__file__).resolve().parent.parent


def create_app(config: "Config | None" = None) -> Flask:
    """Wire the application together. It never starts a database.

    Raises:
        ConfigurationError: a setting is missing or unsafe, or production finds demo data.
    """
    # Imported here so that wallet_app.money and the like can be had without the whole application.
    from werkzeug.middleware.proxy_fix import ProxyFix

    from config import load_config
    from wallet_app.api import init_api
    from wallet_app.backoffice import init_backoffice
    from wallet_app.cli import init_commands
    from wallet_app.demo.guard import refuse_demo_data
    from wallet_app.extensions import db, jwt, migrate
    from wallet_app.observability import init_logging, init_observability
    from wallet_app.pages import init_pages
    from wallet_app.security_headers import init_security_headers
    from wallet_app.transactions.combining import make_combiner
    from wallet_app.transactions.moves import Policy

    config = config or load_config()
    app = Flask(__name__, template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.config.from_object(config)
    init_logging(config.LOG_LEVEL)
    db.init_app(app)
    migrate.init_app(app, db, directory=str(ROOT / "migrations"))
    jwt.init_app(app)
    policy = Policy(sandbox=config.SANDBOX)
    app.extensions["wallet_policy"] = policy
    app.extensions["wallet_combiner"] = make_combiner(policy)
    init_observability(app)
    init_security_headers(app)
    init_pages(app)
    init_api(app)
    init_backoffice(app)
    init_commands(app)
    if config.TRUSTED_PROXIES:
        count = config.TRUSTED_PROXIES
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]
    if config.ENVIRONMENT == "production":
        refuse_demo_data(app)
    return app
