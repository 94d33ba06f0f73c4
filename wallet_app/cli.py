"""The flask commands."""

from flask import Flask


def init_commands(app: Flask) -> None:
    """Register the commands."""
