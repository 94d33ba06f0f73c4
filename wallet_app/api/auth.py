"""Tokens: making a pair, and turning the one a request bears into a caller."""

import time
from functools import lru_cache
from typing import Any
from uuid import UUID

from flask import current_app, g, request
from flask_jwt_extended import create_access_token, create_refresh_token, decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.exceptions import PyJWTError

from wallet_app.errors import InvalidToken, NotSignedIn
from wallet_app.identity.caller import Caller
from wallet_app.identity.sessions import OpenSession, find_caller

NO_CLAIMS: dict[str, Any] = {}


def make_tokens(opened: OpenSession) -> dict[str, object]:
    """A pair of tokens for a session. ``expires_in`` is the access token's life in seconds."""
    identity = str(opened.user_id)
    claims = {"sid": str(opened.session_id)}
    return {
        "access_token": create_access_token(identity, additional_claims=claims),
        "refresh_token": create_refresh_token(identity, additional_claims={**claims, "rid": str(opened.refresh_jti)}),
        "token_type": "Bearer",
        "expires_in": int(current_app.config["JWT_ACCESS_TOKEN_EXPIRES"].total_seconds()),
    }


def read_claims() -> dict[str, Any]:
    """The claims of the request's bearer token, signature and expiry checked; empty without a valid one.

    Read once per request: the rate limiter asks first, authentication second.
    """
    claims: dict[str, Any] | None = g.get("claims")
    if claims is None:
        claims = g.claims = _decode_bearer_token()
    return claims


def _decode_bearer_token() -> dict[str, Any]:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return NO_CLAIMS
    try:
        claims = _verify_token(token.strip(), current_app.config["JWT_SECRET_KEY"])
        return claims if claims["exp"] > time.time() else NO_CLAIMS
    except (PyJWTError, JWTExtendedException, ValueError, KeyError, TypeError):
        # An unknown kid raises KeyError, a claim of the wrong type TypeError: all of them are just no token of ours.
        return NO_CLAIMS


@lru_cache(maxsize=8192)
def _verify_token(token: str, secret: str) -> dict[str, Any]:
    """The claims of a token signed with ``secret``; its expiry is for the caller to judge.

    A signature stays what it is, so each token is verified once per process. Whether its session still lives is
    asked of the database for every request.
    """
    return decode_token(token, allow_expired=True)


def authenticate(token_type: str) -> Caller:
    """The caller whose token of ``token_type`` (``access`` or ``refresh``) this request bears.

    Raises:
        NotSignedIn: no token.
        InvalidToken: malformed, expired, revoked, or of the other type.
    """
    if "Authorization" not in request.headers:
        raise NotSignedIn
    claims = read_claims()
    if claims.get("type") != token_type:
        raise InvalidToken
    try:
        session_id = UUID(claims["sid"])
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise InvalidToken from error
    caller = find_caller(session_id, g.request_id)
    if caller is None or str(caller.user_id) != claims.get("sub"):
        raise InvalidToken
    return caller
