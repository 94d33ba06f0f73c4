"""The bundled PostgreSQL and the supervisor that owns it (``python -m wallet_app.embedded``).

For development and demonstrations. Production brings its own server in ``DATABASE_URL``, and
nothing here runs; ``create_app()`` never starts a database.
"""

from wallet_app.embedded.address import get_bundled_url
from wallet_app.embedded.development import get_data_dir, load_development_secrets
from wallet_app.embedded.errors import EmbeddedDatabaseError
from wallet_app.embedded.lifetime import ensure_database, start_temporary

__all__ = [
    "EmbeddedDatabaseError",
    "ensure_database",
    "get_bundled_url",
    "get_data_dir",
    "load_development_secrets",
    "start_temporary",
]
