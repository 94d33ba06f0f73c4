"""Declaring an endpoint: one decorator that routes it, authenticates its caller and describes it for OpenAPI."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import wraps
from http import HTTPStatus
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel

from wallet_app.api.auth import authenticate

View = Callable[..., ResponseReturnValue]
MediaKind = type[BaseModel] | str
AnswerKind = MediaKind | tuple[MediaKind, ...] | None


class Who(Enum):
    """Who may call at all; what they may do with which object, the services say."""

    ANYONE = "anyone"
    SIGNED_IN = "access"
    REFRESH_TOKEN = "refresh"  # noqa: S105 - a kind of token, not one


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What /openapi.json tells of an endpoint.

    ``answers`` maps statuses to models, None for an empty body, a media type for what is not JSON, or several of these
    where the caller chooses.
    """

    method: str
    path: str
    name: str
    summary: str
    description: str
    tag: str
    who: Who
    body: type[BaseModel] | None
    body_optional: bool
    query: type[BaseModel] | None
    answers: Mapping[int, AnswerKind]
    errors: tuple[int, ...]
    headers: tuple[str, ...]
    has_etag: bool
    is_limited: bool


OPERATIONS: list[Operation] = []


def endpoint(
    blueprint: Blueprint,
    method: str,
    path: str,
    *,
    tag: str,
    answers: Mapping[int, AnswerKind],
    who: Who = Who.SIGNED_IN,
    body: type[BaseModel] | None = None,
    body_optional: bool = False,
    body_limit: int | None = None,
    query: type[BaseModel] | None = None,
    errors: tuple[int, ...] = (),
    headers: tuple[str, ...] = (),
    has_etag: bool = False,
    is_limited: bool = True,
) -> Callable[[View], View]:
    """Register a view. A signed-in one gets ``caller``; the docstring becomes summary and description.

    The view itself reads the body, with ``read_body(model)``, once it knows that the caller may act at all:
    permission is judged before the body. ``body_limit`` is in bytes, for where MAX_CONTENT_LENGTH is too little.
    With ``is_limited`` off no rate limit and no database stand before it.
    """

    def decorate(view: View) -> View:
        summary, _, description = inspect.cleandoc(view.__doc__ or "").partition("\n")
        OPERATIONS.append(
            Operation(
                method=method,
                path=(blueprint.url_prefix or "") + path,
                name=view.__name__,
                summary=summary.rstrip("."),
                description=description.strip(),
                tag=tag,
                who=who,
                body=body,
                body_optional=body_optional,
                query=query,
                answers=answers,
                errors=_list_errors(who, body, query, path, errors) if is_limited else errors,
                headers=headers,
                has_etag=has_etag,
                is_limited=is_limited,
            )
        )

        @wraps(view)
        def handle(**parameters: Any) -> ResponseReturnValue:
            if body_limit is not None:
                request.max_content_length = body_limit
            if who is not Who.ANYONE:
                parameters["caller"] = authenticate(who.value)
            return view(**parameters)

        blueprint.add_url_rule(path, view.__name__, handle, methods=[method])
        return view

    return decorate


def _list_errors(
    who: Who, body: type[BaseModel] | None, query: type[BaseModel] | None, path: str, own: tuple[int, ...]
) -> tuple[int, ...]:
    """The errors that follow from what an endpoint is, and its own."""
    errors = {*own, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
    if who is not Who.ANYONE:
        errors.add(HTTPStatus.UNAUTHORIZED)
    if body is not None:
        errors |= {
            HTTPStatus.BAD_REQUEST,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        }
    if query is not None:
        errors.add(HTTPStatus.BAD_REQUEST)
    if "<" in path:
        errors.add(HTTPStatus.NOT_FOUND)
    return tuple(sorted(int(error) for error in errors))
