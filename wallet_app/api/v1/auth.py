"""Registration, sign-in, and staying signed in."""

from uuid import UUID

from flask import Blueprint, Response

from wallet_app.api.answers import reply, reply_empty
from wallet_app.api.auth import make_tokens, read_claims
from wallet_app.api.body import read_body
from wallet_app.api.endpoint import Who, endpoint
from wallet_app.api.v1.auth_schema import LoginIn, PasswordIn, RegisteredOut, RegisterIn, TokensOut
from wallet_app.api.v1.rendering import render_account, render_user
from wallet_app.errors import InvalidToken
from wallet_app.identity import sessions
from wallet_app.identity.caller import Caller
from wallet_app.identity.users import register_customer

auth = Blueprint("auth", __name__, url_prefix="/api/v1/auth")


@endpoint(
    auth,
    "POST",
    "/register",
    tag="Who",
    who=Who.ANYONE,
    body=RegisterIn,
    answers={201: RegisteredOut},
    errors=(409,),
)
def register() -> Response:
    """Register as a customer.

    The first account opens with it, in `currency`. Email addresses are compared in lower case.
    """
    user, account = register_customer(**read_body(RegisterIn).model_dump())
    return reply({"user": render_user(user), "account": render_account(account)}, 201)


@endpoint(auth, "POST", "/login", tag="Who", who=Who.ANYONE, body=LoginIn, answers={200: TokensOut}, errors=(401,))
def login() -> Response:
    """Sign in.

    After ten failures for one email within 15 minutes the answer is 429 until the oldest is 15 minutes old.
    """
    body = read_body(LoginIn)
    user = sessions.verify_credentials(body.email, body.password)
    return reply(make_tokens(sessions.open_session(user.id, password_hash=user.password_hash)))


@endpoint(auth, "POST", "/refresh", tag="Who", who=Who.REFRESH_TOKEN, answers={200: TokensOut})
def refresh(caller: Caller) -> Response:
    """Exchange the refresh token for a new pair.

    Send the refresh token as bearer. It works once: used again, it ends the whole session.
    """
    try:
        refresh_jti = UUID(read_claims()["rid"])
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise InvalidToken from error
    return reply(make_tokens(sessions.rotate_session(caller.session_id, refresh_jti)))


@endpoint(auth, "POST", "/logout", tag="Who", answers={204: None})
def logout(caller: Caller) -> Response:
    """Sign out: the access and the refresh token are dead."""
    sessions.end_session(caller.session_id)
    return reply_empty()


@endpoint(auth, "POST", "/password", tag="Who", body=PasswordIn, answers={204: None})
def change_password(caller: Caller) -> Response:
    """Change the password; every other session ends."""
    body = read_body(PasswordIn)
    sessions.change_password(caller, body.current_password, body.new_password)
    return reply_empty()
