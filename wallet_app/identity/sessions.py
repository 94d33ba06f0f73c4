"""Signing in and staying signed in: credentials, failures, sessions, rotation of refresh tokens.

A session row is a family of tokens: every access and refresh token carries its id. Revoking the row kills them all.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import CursorResult, Select, delete, func, select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid4, uuid7

from wallet_app import clock
from wallet_app.audit import record_event
from wallet_app.errors import InvalidCredentials, InvalidToken, TokenReused, TooManyRequests
from wallet_app.identity.caller import Caller
from wallet_app.identity.models import SignInFailure, SignInSession, User
from wallet_app.identity.passwords import hash_password, is_password
from wallet_app.identity.permissions import Role
from wallet_app.uow import read_one_row, run_in_unit_of_work

FAILURES_ALLOWED = 10
FAILURE_WINDOW = timedelta(minutes=15)
API_SESSION_LIFETIME = timedelta(days=30)
BACKOFFICE_SESSION_LIFETIME = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session and the id that its one valid refresh token carries."""

    session_id: UUID
    user_id: UUID
    refresh_jti: UUID


def verify_credentials(email: str, password: str) -> User:
    """Return the user whose email and password these are.

    Raises:
        TooManyRequests: ten failures for this email within 15 minutes; then the right password does not help either.
        InvalidCredentials: wrong, in whichever part; it takes the same time either way.
    """
    # Only ASCII is lower-cased: the Kelvin sign, say, would become a k and sign somebody else in.
    email = email.lower() if email.isascii() else email
    user = run_in_unit_of_work(lambda session: _find_unless_blocked(session, email))
    is_right = is_password(password, user.password_hash if user else None)
    if user is None or user.status == "closed":
        is_right = False
    run_in_unit_of_work(lambda session: _count_attempt(session, email, is_right))
    if user is None or not is_right:
        raise InvalidCredentials
    return user


def _find_unless_blocked(session: Session, email: str) -> User | None:
    _refuse_after_failures(session, email)
    return session.scalar(select(User).where(User.email == email).execution_options(populate_existing=True))


def _count_attempt(session: Session, email: str, is_right: bool) -> None:
    """Keep a failure, or forget those before a success. Ten guesses sent at once are counted like ten in a row."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(email, 0))))
    _refuse_after_failures(session, email)
    if is_right:
        session.execute(delete(SignInFailure).where(SignInFailure.email == email))
    else:
        session.add(SignInFailure(email=email, failed_at=clock.now()))


def _refuse_after_failures(session: Session, email: str) -> None:
    since = clock.now() - FAILURE_WINDOW
    count, oldest = session.execute(
        select(func.count(), func.min(SignInFailure.failed_at)).where(
            SignInFailure.email == email, SignInFailure.failed_at > since
        )
    ).one()
    if count >= FAILURES_ALLOWED:
        wait = oldest + FAILURE_WINDOW - clock.now()
        raise TooManyRequests(
            "Too many failed sign-ins for this email. Wait, then try again.", int(wait.total_seconds()) + 1
        )


def open_session(user_id: UUID, kind: str = "api", *, password_hash: str | None = None) -> OpenSession:
    """Begin a session after the credentials were verified. ``kind`` is ``api`` or ``backoffice``.

    Raises:
        InvalidCredentials: the password is no longer the verified one of ``password_hash``; changing it ended every
            other session, and this one must not come after.
    """
    now = clock.now()
    opened = OpenSession(session_id=uuid7(), user_id=user_id, refresh_jti=uuid4())
    lifetime = API_SESSION_LIFETIME if kind == "api" else BACKOFFICE_SESSION_LIFETIME

    def add(session: Session) -> None:
        current = session.scalar(select(User.password_hash).where(User.id == user_id).with_for_update(read=True))
        if password_hash not in {None, current}:
            raise InvalidCredentials
        session.add(
            SignInSession(
                id=opened.session_id,
                user_id=user_id,
                kind=kind,
                refresh_jti=opened.refresh_jti,
                created_at=now,
                expires_at=now + lifetime,
            )
        )

    run_in_unit_of_work(add)
    return opened


def rotate_session(session_id: UUID, refresh_jti: UUID) -> OpenSession:
    """Exchange the refresh token ``refresh_jti`` for its successor.

    Raises:
        TokenReused: it was exchanged before. The whole family is revoked, since one of the two holders is a thief.
        InvalidToken: the session has ended.
    """

    def rotate(session: Session) -> OpenSession | None:
        row = session.scalar(_select_live(session_id).with_for_update())
        if row is None:
            raise InvalidToken
        if row.refresh_jti != refresh_jti:
            _revoke(session, "refresh_token_reused", SignInSession.id == session_id)
            return None
        row.refresh_jti = uuid4()
        row.expires_at = clock.now() + API_SESSION_LIFETIME
        return OpenSession(session_id, row.user_id, row.refresh_jti)

    rotated = run_in_unit_of_work(rotate)
    if rotated is None:
        raise TokenReused
    return rotated


def end_session(session_id: UUID) -> None:
    """Sign out: every token of the session is dead from now on."""
    run_in_unit_of_work(lambda session: _revoke(session, "signed_out", SignInSession.id == session_id))


def revoke_sessions_of(session: Session, user_id: UUID, reason: str, *, but: UUID | None = None) -> int:
    """Revoke every live session of a user, save the session ``but``, within a running unit of work; count them."""
    return _revoke(session, reason, SignInSession.user_id == user_id, SignInSession.id != but if but else True)


def change_password(caller: Caller, current_password: str, new_password: str) -> None:
    """Set a new password and end every other session.

    A wrong current password counts as a failed sign-in: a stolen token must not allow more guesses than that.

    Raises:
        InvalidCredentials: the current password is wrong.
        TooManyRequests: ten failures for this email within 15 minutes.
        ValidationFailed: the new one is too short or too long.
    """
    user = run_in_unit_of_work(lambda session: session.get_one(User, caller.user_id))
    try:
        verify_credentials(user.email, current_password)
    except InvalidCredentials:
        raise InvalidCredentials("The current password is wrong. Nothing was changed.") from None
    new_hash = hash_password(new_password, "new_password")

    def change(session: Session) -> None:
        session.execute(
            update(User)
            .where(User.id == caller.user_id)
            .values(password_hash=new_hash, has_demo_password=False, updated_at=clock.now())
        )
        revoke_sessions_of(session, caller.user_id, "password_changed", but=caller.session_id)
        if caller.is_staff:
            record_event(session, caller.actor, "user.password_changed", object_type="user", object_id=caller.user_id)

    run_in_unit_of_work(change)


def find_caller(session_id: UUID, request_id: str | None = None) -> Caller | None:
    """The person behind a live session, read fresh: a revoked session or a closed user is nobody.

    Raises:
        Unavailable: the database does not answer.
    """
    row = read_one_row(
        "SELECT user_id, role, status FROM find_caller(%s::uuid, %s::timestamptz)", (str(session_id), clock.now())
    )
    return Caller(row[0], Role(row[1]), row[2], session_id, request_id) if row else None


def delete_stale_sign_in_data() -> int:
    """Delete sessions that ended over 30 days ago and failures no one counts any more; return how many rows."""
    now = clock.now()

    def sweep(session: Session) -> int:
        old_sessions = session.execute(delete(SignInSession).where(SignInSession.expires_at < now - timedelta(days=30)))
        old_failures = session.execute(delete(SignInFailure).where(SignInFailure.failed_at < now - FAILURE_WINDOW))
        return _count(old_sessions) + _count(old_failures)

    return run_in_unit_of_work(sweep)


def _select_live(session_id: UUID) -> Select[SignInSession]:
    return (
        select(SignInSession)
        .where(
            SignInSession.id == session_id, SignInSession.revoked_at.is_(None), SignInSession.expires_at > clock.now()
        )
        .execution_options(populate_existing=True)
    )


def _revoke(session: Session, reason: str, *which: object) -> int:
    result = session.execute(
        update(SignInSession)
        .where(SignInSession.revoked_at.is_(None), *which)  # type: ignore[arg-type]
        .values(revoked_at=clock.now(), revoked_reason=reason)
        .execution_options(synchronize_session=False)
    )
    return _count(result)


def _count(result: object) -> int:
    return cast("CursorResult[object]", result).rowcount
