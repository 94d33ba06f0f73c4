"""Users: one's own profile, and what staff do with other people's."""

from uuid import UUID

from flask import Blueprint, Response

from wallet_app.api.answers import reply, reply_empty, reply_page
from wallet_app.api.body import read_body, read_query
from wallet_app.api.endpoint import endpoint
from wallet_app.api.v1.rendering import render_account, render_user
from wallet_app.api.v1.users_schema import (
    AccessIn,
    AccessOut,
    ProfileIn,
    ReasonIn,
    UserEditIn,
    UserIn,
    UserOut,
    UsersOut,
    UsersQuery,
)
from wallet_app.identity import accounts
from wallet_app.identity import users as service
from wallet_app.identity.caller import Caller
from wallet_app.identity.directory import list_users
from wallet_app.identity.permissions import Permission, Role

users = Blueprint("users", __name__, url_prefix="/api/v1/users")


@endpoint(users, "GET", "/me", tag="Users", answers={200: UserOut})
def show_me(caller: Caller) -> Response:
    """Read one's own profile."""
    return reply(render_user(service.get_user_for(caller, caller.user_id)))


@endpoint(users, "PATCH", "/me", tag="Users", body=ProfileIn, answers={200: UserOut}, errors=(403,))
def edit_me(caller: Caller) -> Response:
    """Change one's own profile.

    `currency` is the reporting currency.
    """
    caller.require_writing()
    changes = read_body(ProfileIn).model_dump(exclude_unset=True)
    return reply(render_user(service.edit_profile(caller, caller.user_id, changes)))


@endpoint(users, "GET", "", tag="Users", query=UsersQuery, answers={200: UsersOut}, errors=(403,))
def index(caller: Caller) -> Response:
    """List users; staff only."""
    caller.require(Permission.SEE_USERS)
    query = read_query(UsersQuery)
    page = list_users(
        caller,
        q=query.q,
        status=query.status,
        kyc_status=query.kyc_status,
        role=query.role,
        limit=query.limit,
        cursor=query.cursor,
    )
    return reply_page(page, render_user)


@endpoint(users, "POST", "", tag="Users", body=UserIn, answers={201: UserOut}, errors=(403, 409))
def create(caller: Caller) -> Response:
    """Make a user in any role; administrators only."""
    caller.require(Permission.CREATE_USERS)
    body = read_body(UserIn)
    user = service.create_user(
        caller,
        email=body.email,
        password=body.password,
        full_name=body.full_name,
        role=Role(body.role),
        profile=body.model_dump(include={"phone", "company", "tax_id", "timezone", "currency"}),
    )
    return reply(render_user(user), 201)


@endpoint(users, "GET", "/<uuid:user_id>", tag="Users", answers={200: UserOut})
def show(caller: Caller, user_id: UUID) -> Response:
    """Read a user: oneself, or anyone as staff."""
    return reply(render_user(service.get_user_for(caller, user_id)))


@endpoint(users, "PATCH", "/<uuid:user_id>", tag="Users", body=UserEditIn, answers={200: UserOut}, errors=(403, 409))
def edit(caller: Caller, user_id: UUID) -> Response:
    """Change another user's profile or role; administrators only."""
    service.get_user_for(caller, user_id)
    caller.require(Permission.EDIT_USERS)
    changes = read_body(UserEditIn).model_dump(exclude_unset=True)
    return reply(render_user(service.edit_profile(caller, user_id, changes)))


@endpoint(users, "DELETE", "/<uuid:user_id>", tag="Users", answers={204: None}, errors=(403, 409))
def close(caller: Caller, user_id: UUID) -> Response:
    """Close a user whose money is gone; administrators only. History stays."""
    service.get_user_for(caller, user_id)
    service.close_user(caller, user_id)
    return reply_empty()


@endpoint(
    users,
    "POST",
    "/<uuid:user_id>/suspend",
    tag="Users",
    body=ReasonIn,
    answers={200: UserOut},
    errors=(403, 409),
)
def suspend(caller: Caller, user_id: UUID) -> Response:
    """Suspend a user: no money move starts, signing in and reading stay; operations and administrators."""
    service.get_user_for(caller, user_id)
    caller.require(Permission.SUSPEND_USERS)
    return reply(render_user(service.suspend_user(caller, user_id, read_body(ReasonIn).reason)))


@endpoint(
    users,
    "POST",
    "/<uuid:user_id>/reactivate",
    tag="Users",
    body=ReasonIn,
    answers={200: UserOut},
    errors=(403, 409),
)
def reactivate(caller: Caller, user_id: UUID) -> Response:
    """Lift a suspension; operations and administrators."""
    service.get_user_for(caller, user_id)
    caller.require(Permission.SUSPEND_USERS)
    return reply(render_user(service.reactivate_user(caller, user_id, read_body(ReasonIn).reason)))


@endpoint(
    users,
    "POST",
    "/<uuid:user_id>/accounts",
    tag="Users",
    body=AccessIn,
    answers={201: AccessOut},
    errors=(403, 409),
)
def grant_access(caller: Caller, user_id: UUID) -> Response:
    """Share somebody's account with this user, as viewer or operator; administrators only."""
    service.get_user_for(caller, user_id)
    caller.require(Permission.GRANT_ACCESS)
    body = read_body(AccessIn)
    account_id = UUID(str(body.account_id))
    accounts.grant_access(caller, user_id, account_id, body.access)
    account = accounts.get_account_for(caller, account_id).account
    answer = {
        "user_id": str(user_id),
        "account_id": str(account_id),
        "access": body.access,
        "account": render_account(account),
    }
    return reply(answer, 201)


@endpoint(
    users, "DELETE", "/<uuid:user_id>/accounts/<uuid:account_id>", tag="Users", answers={204: None}, errors=(403,)
)
def revoke_access(caller: Caller, user_id: UUID, account_id: UUID) -> Response:
    """Take shared access away; administrators only."""
    service.get_user_for(caller, user_id)
    accounts.revoke_access(caller, user_id, account_id)
    return reply_empty()
