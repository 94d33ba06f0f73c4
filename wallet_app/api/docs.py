"""The API's own manual: Swagger UI around /openapi.json, and what each error code means. No network needed."""

from typing import NamedTuple

from flask import Blueprint, render_template

from wallet_app.errors import Problem

docs_blueprint = Blueprint("docs", __name__)


class ProblemKind(NamedTuple):
    """One line of the list of problems. `advice` is empty where each case brings its own."""

    status: int
    code: str
    title: str
    advice: str


_BY_HTTP = ProblemKind(
    405, "METHOD_NOT_ALLOWED", "Method not allowed", "The header Allow lists the methods that this address takes."
)


def list_problem_kinds() -> list[ProblemKind]:
    """Every kind of problem the API answers with, by status and then code."""
    kinds = {_BY_HTTP.code: _BY_HTTP}
    waiting: list[type[Problem]] = [Problem]
    while waiting:
        kind = waiting.pop()
        # Subclasses elsewhere only refine these for one place.
        waiting += [child for child in kind.__subclasses__() if child.__module__ == Problem.__module__]
        advice = kind.default_detail if kind is Problem or kind.default_detail != Problem.default_detail else ""
        if kind.code not in kinds or "code" in vars(kind):
            kinds[kind.code] = ProblemKind(kind.status, kind.code, kind.title, advice)
    return sorted(kinds.values())


@docs_blueprint.get("/docs")
def show_docs() -> str:
    """Show the page on which the API can be read and tried."""
    return render_template("docs/index.html")


@docs_blueprint.get("/docs/problems")
def show_problems() -> str:
    """Show what each error code means; a problem's `type` leads here."""
    return render_template("docs/problems.html", kinds=list_problem_kinds())
