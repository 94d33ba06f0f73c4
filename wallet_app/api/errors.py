"""Turning every error into a problem, or into a page where a person is looking."""

import logging
from http import HTTPStatus

from flask import Flask, Response, g, request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import MethodNotAllowed as WerkzeugMethodNotAllowed

from wallet_app.api.answers import PROBLEM_TYPE, render_problem, to_json
from wallet_app.errors import BodyTooLarge, MethodNotAllowed, NotFound, Problem, Unavailable
from wallet_app.extensions import db
from wallet_app.pages import render_error_page, wants_page
from wallet_app.uow import raise_if_unavailable

log = logging.getLogger(__name__)


class HttpProblem(Problem):
    """What the HTTP layer itself refuses, and of which its status tells all: a request it can't parse, say."""

    is_documented = False

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        phrase = HTTPStatus(status)
        self.status = status  # type: ignore[misc]
        self.code = phrase.name  # type: ignore[misc]
        self.title = phrase.phrase  # type: ignore[misc]


def answer_problem(problem: Problem) -> Response:
    """The answer that a problem becomes, with the headers its kind asks for."""
    if isinstance(problem, Unavailable):
        cause = problem.__cause__
        log.warning("unavailable: %s %s", type(cause).__name__, getattr(getattr(cause, "orig", cause), "pgcode", None))
    headers: dict[str, str] = {}
    retry_after = getattr(problem, "retry_after", None)
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if wants_page():
        return render_error_page(problem.status, headers=headers)
    body = to_json(render_problem(problem, request.path, g.get("request_id")))
    return Response(body, problem.status, headers, content_type=PROBLEM_TYPE)


def answer_http_exception(error: HTTPException) -> Response:
    """Werkzeug's own errors in our words."""
    status = error.code or 500
    if status == HTTPStatus.NOT_FOUND:
        return answer_problem(NotFound("There is nothing at this address. /docs lists what there is."))
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return answer_problem(BodyTooLarge("The body is larger than this address takes."))
    if not isinstance(error, WerkzeugMethodNotAllowed):
        return answer_problem(HttpProblem(status, error.description or ""))
    response = answer_problem(MethodNotAllowed())
    response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    return response


def answer_database_error(error: DBAPIError | PoolTimeout) -> Response:
    """A database that is away or overloaded is 503; any other database error is a fault of ours."""
    db.session.rollback()
    if isinstance(error, PoolTimeout):
        return answer_problem(Unavailable())
    try:
        raise_if_unavailable(error)
    except Unavailable as problem:
        return answer_problem(problem)
    return answer_unexpected(error)


def answer_unexpected(error: Exception) -> Response:
    """The last resort: logged whole, told without a detail that could give something away."""
    log.exception("unexpected error", exc_info=error)
    return answer_problem(Problem())


def init_error_handlers(app: Flask) -> None:
    """Catch everything."""
    app.register_error_handler(Problem, answer_problem)
    app.register_error_handler(HTTPException, answer_http_exception)
    app.register_error_handler(DBAPIError, answer_database_error)
    app.register_error_handler(PoolTimeout, answer_database_error)
    app.register_error_handler(Exception, answer_unexpected)
