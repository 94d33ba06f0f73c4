"""The back office's blueprint, by itself, so that views can import it."""

from flask import Blueprint

backoffice_blueprint = Blueprint("backoffice", __name__, url_prefix="/backoffice")
