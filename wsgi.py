"""The application, for gunicorn and the flask command."""

from wallet_app import create_app

app = create_app()
