"""The JSON front door. It knows HTTP; what it asks for is done by the services."""

from flask import Flask

from wallet_app.api.cors import init_cors
from wallet_app.api.docs import docs_blueprint
from wallet_app.api.errors import init_error_handlers
from wallet_app.api.rate_limits import init_rate_limits
from wallet_app.api.system import system
from wallet_app.api.v1.accounts import accounts
from wallet_app.api.v1.auth import auth
from wallet_app.api.v1.transactions import transactions
from wallet_app.api.v1.transactions_batch import batches
from wallet_app.api.v1.users import users


def init_api(app: Flask) -> None:
    """Put the API, its manual and the machine endpoints on ``app``, with errors and limits as it promises."""
    app.url_map.merge_slashes = False  # an address with a slash too many leads nowhere, and to no redirect
    init_cors(app)
    init_error_handlers(app)
    init_rate_limits(app)
    for blueprint in (system, docs_blueprint, auth, users, accounts, transactions, batches):
        app.register_blueprint(blueprint)
