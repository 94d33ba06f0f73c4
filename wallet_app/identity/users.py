"""Users: register, create, read, edit, suspend, reactivate, close."""

import re
from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from wallet_app import clock
from wallet_app.audit import record_event
from wallet_app.errors import (
    EmailTaken,
    Forbidden,
    NotFound,
    OwnUserProtected,
    UserNotActive,
    UserNotEmpty,
    UserNotSuspended,
    ValidationFailed,
)
from wallet_app.identity.caller import Caller
from wallet_app.identity.models import User
from wallet_app.identity.passwords import hash_password
from wallet_app.identity.permissions import Permission, Role
from wallet_app.identity.sessions import revoke_sessions_of
from wallet_app.ledger.accounts import close_account, list_open_accounts, open_account
from wallet_app.ledger.models import Account
from wallet_app.money import get_currency
from wallet_app.uow import get_sqlstate, run_in_unit_of_work

PROFILE = ("full_name", "phone", "company", "tax_id", "timezone", "currency")
LONGEST_EMAIL = 254
UNIQUE_VIOLATION = "23505"
# ASCII only: full-width letters and homoglyphs are other addresses to a machine and the same to an eye.
EMAIL = re.compile(
    r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+"
)


def normalise_email(text: str) -> str:
    """Lower-case an address, as it is stored and compared.

    Raises:
        ValidationFailed: not an ASCII address of at most 254 characters.
    """
    email = text.lower() if text.isascii() else ""
    if len(email) > LONGEST_EMAIL or not EMAIL.fullmatch(email):
        raise ValidationFailed("Give an email address in ASCII letters, such as ana@example.com.", "email")
    return email


def register_customer(
    *, email: str, password: str, full_name: str, phone: str | None = None, currency: str = "USD", timezone: str = "UTC"
) -> tuple[User, Account]:
    """Make a customer and open their first account in ``currency``.

    Raises:
        EmailTaken: someone has this address, in whichever case.
        ValidationFailed: a value that no user may have.
    """
    password_hash = hash_password(password)
    get_currency(currency)

    def register(session: Session) -> tuple[User, Account]:
        user = add_user(
            session,
            email=email,
            password_hash=password_hash,
            full_name=full_name,
            role=Role.CUSTOMER,
            profile={"phone": phone, "currency": currency, "timezone": timezone},
        )
        return user, open_account(session, user.id, currency, is_primary=True)

    return run_in_unit_of_work(register)


def create_user(
    caller: Caller, *, email: str, password: str, full_name: str, role: Role, profile: Mapping[str, str | None]
) -> User:
    """Make a user in any role, without an account; administrators do. Raises as ``register_customer`` does."""
    caller.require(Permission.CREATE_USERS)
    password_hash = hash_password(password)

    def create(session: Session) -> User:
        user = add_user(
            session, email=email, password_hash=password_hash, full_name=full_name, role=role, profile=profile
        )
        record_event(
            session,
            caller.actor,
            "user.created",
            object_type="user",
            object_id=user.id,
            after={"email": user.email, "role": user.role},
        )
        return user

    return run_in_unit_of_work(create)


def add_user(
    session: Session,
    *,
    email: str,
    password_hash: str,
    full_name: str,
    role: Role,
    profile: Mapping[str, str | None],
    has_demo_password: bool = False,
) -> User:
    """Add a user within a running unit of work.

    Raises:
        EmailTaken: also when two requests race for one address.
    """
    now = clock.now()
    defaults = {"timezone": "UTC", "currency": "USD"}
    user = User(
        id=uuid7(),
        email=normalise_email(email),
        full_name=full_name,
        role=role,
        status="active",
        kyc_status="none",
        password_hash=password_hash,
        has_demo_password=has_demo_password,
        created_at=now,
        updated_at=now,
        **{**defaults, **{name: value for name, value in profile.items() if value is not None}},
    )
    session.add(user)
    try:
        session.flush()
    except IntegrityError as error:
        if get_sqlstate(error) == UNIQUE_VIOLATION:
            raise EmailTaken from error
        raise
    return user


def get_user_for(caller: Caller, user_id: UUID) -> User:
    """The user, to themselves and to staff who may see users.

    Raises:
        NotFound: no such user, or not the caller's to see.
    """
    if user_id != caller.user_id and not caller.may(Permission.SEE_USERS):
        raise NotFound
    return run_in_unit_of_work(lambda session: _get(session, user_id))


def edit_profile(caller: Caller, user_id: UUID, changes: Mapping[str, object]) -> User:
    """Change the given fields of a user: of oneself, or of others (the role too) as an administrator.

    Raises:
        OwnUserProtected: one's own role.
        UserNotActive: the user is closed.
        Forbidden: also an auditor, on whomever.
    """
    caller.require_writing()
    own = user_id == caller.user_id
    if not own:
        caller.require(Permission.EDIT_USERS)
    if own and "role" in changes:
        raise OwnUserProtected

    def edit(session: Session) -> User:
        user = _get_locked(session, user_id)
        if user.status == "closed":
            raise UserNotActive("A closed user cannot be changed any more.")
        before = {name: getattr(user, name) for name in changes}
        for name, value in changes.items():
            setattr(user, name, value)
        user.updated_at = clock.now()
        if caller.is_staff:
            record_event(
                session,
                caller.actor,
                "user.edited",
                object_type="user",
                object_id=user.id,
                before=before,
                after=changes,
            )
        return user

    return run_in_unit_of_work(edit)


def suspend_user(caller: Caller, user_id: UUID, reason: str) -> User:
    """Stop a user from starting money moves; they may still sign in and read.

    Raises:
        UserNotActive, OwnUserProtected, Forbidden, NotFound
    """
    return _set_status(caller, user_id, "active", "suspended", reason)


def reactivate_user(caller: Caller, user_id: UUID, reason: str) -> User:
    """Undo a suspension.

    Raises:
        UserNotSuspended, OwnUserProtected, Forbidden, NotFound
    """
    return _set_status(caller, user_id, "suspended", "active", reason)


def _set_status(caller: Caller, user_id: UUID, old: str, new: str, reason: str) -> User:
    caller.require(Permission.SUSPEND_USERS)
    if user_id == caller.user_id:
        raise OwnUserProtected

    def change(session: Session) -> User:
        user = _get_locked(session, user_id)
        if user.role == Role.ADMIN and caller.role != Role.ADMIN:
            raise Forbidden("Only an administrator suspends or reactivates an administrator.")
        if user.status != old:
            raise UserNotActive if old == "active" else UserNotSuspended
        user.status = new
        user.updated_at = clock.now()
        record_event(
            session,
            caller.actor,
            f"user.{'suspended' if new == 'suspended' else 'reactivated'}",
            object_type="user",
            object_id=user.id,
            before={"status": old},
            after={"status": new},
            reason=reason,
        )
        return user

    return run_in_unit_of_work(change)


def close_user(caller: Caller, user_id: UUID) -> None:
    """Close a user and their empty accounts, and end their sessions. History stays.

    Raises:
        UserNotEmpty: an account still holds money.
        UserNotActive: closed already.
        OwnUserProtected, Forbidden, NotFound
    """
    caller.require(Permission.CLOSE_USERS)
    if user_id == caller.user_id:
        raise OwnUserProtected

    def close(session: Session) -> None:
        user = _get_locked(session, user_id)
        if user.status == "closed":
            raise UserNotActive("This user is closed already.")
        for account in list_open_accounts(session, user_id):
            if account.balance or account.held:
                raise UserNotEmpty(details={"account_id": str(account.id)})
            close_account(session, account)
        before = {"status": user.status}
        user.status = "closed"
        user.updated_at = clock.now()
        revoke_sessions_of(session, user_id, "user_closed")
        record_event(
            session,
            caller.actor,
            "user.closed",
            object_type="user",
            object_id=user_id,
            before=before,
            after={"status": "closed"},
        )

    run_in_unit_of_work(close)


def _get(session: Session, user_id: UUID) -> User:
    user = session.scalar(select(User).where(User.id == user_id).execution_options(populate_existing=True))
    if user is None:
        raise NotFound
    return user


def _get_locked(session: Session, user_id: UUID) -> User:
    statement = select(User).where(User.id == user_id).with_for_update(key_share=True)
    user = session.scalar(statement.execution_options(populate_existing=True))
    if user is None:
        raise NotFound
    return user
