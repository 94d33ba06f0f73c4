"""The staff's front door: server-rendered pages under /backoffice/, with a session cookie."""

from flask import Flask, redirect, url_for
from werkzeug.wrappers import Response

from wallet_app.backoffice import guard
from wallet_app.backoffice.blueprint import backoffice_blueprint
from wallet_app.backoffice.formatting import write_amount, write_count, write_day, write_moment
from wallet_app.backoffice.views import home, session
from wallet_app.extensions import csrf, login_manager

__all__ = ["guard", "home", "init_backoffice", "session"]


def init_backoffice(app: Flask) -> None:
    """Put the back office under /backoffice/ of `app`, and let / lead there."""
    # The guard checks CSRF on the back office's own pages; bearer tokens, elsewhere, need none.
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    csrf.init_app(app)
    # Not login_manager.init_app(app): its hooks look into the cookie on every API request, for a
    # remember-me cookie we don't have, and into the database for every template.
    app.login_manager = login_manager  # type: ignore[attr-defined]
    app.jinja_env.globals.update(
        write_amount=write_amount, write_count=write_count, write_day=write_day, write_moment=write_moment
    )
    app.register_blueprint(backoffice_blueprint)
    app.add_url_rule("/", "show_root", _lead_to_backoffice)


def _lead_to_backoffice() -> Response:
    return redirect(url_for("backoffice.show_home"))
