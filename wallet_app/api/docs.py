"""The API's own manual: Swagger UI around /openapi.json, served without any network."""

from flask import Blueprint, render_template

docs_blueprint = Blueprint("docs", __name__)


@docs_blueprint.get("/docs")
def show_docs() -> str:
    """Show the page on which the API can be read and tried."""
    return render_template("docs/index.html")
