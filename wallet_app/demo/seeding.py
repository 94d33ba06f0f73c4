"""Seeding the demo world: its people, three months of their money, and what staff did about them.

It can be cut off anywhere and run again: people are found by email, moves by idempotency key, measures by their audit
event, and all dates follow from when the first of the people was made.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from sqlalchemy import exists, func, select, text
from sqlalchemy.orm import Session

from wallet_app import clock
from wallet_app.audit import AuditEvent
from wallet_app.demo.events import OPERATIONS, Purse
from wallet_app.demo.people import CUSTOMERS, make_email
from wallet_app.demo.posting import post_events
from wallet_app.demo.settling import World, find_start, settle_people
from wallet_app.demo.showing import Reporter
from wallet_app.demo.story import LAST_KEY, LENGTH, Measure, tell_story
from wallet_app.errors import Problem
from wallet_app.extensions import db
from wallet_app.identity import accounts as identity_accounts
from wallet_app.identity.models import User
from wallet_app.identity.users import suspend_user
from wallet_app.transactions.models import IdempotencyKey
from wallet_app.uow import run_in_unit_of_work

# Any constant that nothing else locks.
SEED_LOCK = 5_150_662_971
ACTIONS = {
    "suspend": "user.suspended",
    "freeze": "account.frozen",
    "share as operator": "account.access_granted",
    "share as viewer": "account.access_granted",
}


def seed_demo(password: str, reporter: Reporter) -> None:
    """Bring the demo world to its end, from wherever it is; real people are left alone.

    Raises:
        ValidationFailed: nobody may have this password.
    """
    if not run_in_unit_of_work(_is_complete):
        with _work_alone():
            if not run_in_unit_of_work(_is_complete):
                _seed(password, reporter)
                return
    reporter.say("The demo data is complete.")


@contextmanager
def _work_alone() -> Iterator[None]:
    """Keep a second seed waiting: the two would make each other's people."""
    with db.engine.connect() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0"))
        connection.execute(select(func.pg_advisory_xact_lock(SEED_LOCK)))
        yield


def _seed(password: str, reporter: Reporter) -> None:
    began = time.monotonic()
    now, start = clock.now(), find_start()
    story = tell_story(start if start is not None and start + LENGTH <= now else now - LENGTH)
    world = settle_people(password, story.start, reporter)
    _take_measures(world, story.shares)
    reporter.begin("Moving money", len(story.events) + 1)
    refused = post_events(world, story.events, reporter)
    _take_measures(world, story.restrictions)
    refused += post_events(world, [story.last], reporter)
    # Plans made on empty tables read them whole for as long as nobody counts what is in them.
    run_in_unit_of_work(lambda session: session.execute(text("ANALYZE")))
    reporter.say(
        f"The demo data is complete: {len(world.users)} people, {len(story.events) + 1:,} moves "
        f"of three months, in {time.monotonic() - began:.0f} seconds."
    )
    if refused:
        reporter.say(f"{refused:,} moves were left out: people or accounts have changed meanwhile.")


def _is_complete(session: Session) -> bool:
    operations_id = select(User.id).where(User.email == make_email(OPERATIONS)).scalar_subquery()
    last = exists().where(IdempotencyKey.caller_id == operations_id, IdempotencyKey.key == LAST_KEY)
    return bool(session.scalar(select(last)))


def _take_measures(world: World, measures: tuple[Measure, ...]) -> None:
    for measure in measures:
        try:
            _take_measure(world, measure)
        except Problem:  # somebody has closed down, say: the rest of the world goes on without
            continue


def _take_measure(world: World, measure: Measure) -> None:
    """Do it at its moment, unless it was done before: somebody may have undone it since, and meant it."""
    by, user_id = world.make_caller(measure.by), world.users[measure.whose]
    currency = next(customer.currencies[0] for customer in CUSTOMERS if customer.name == measure.whose)
    account_id = world.accounts.get(Purse(measure.whose, currency))
    partner_id = world.users.get(measure.partner)
    object_id = user_id if measure.action == "suspend" else account_id
    if object_id is None or run_in_unit_of_work(lambda session: _is_taken(session, measure, object_id, partner_id)):
        return
    with clock.at(measure.at):
        if measure.action == "suspend":
            suspend_user(by, user_id, measure.reason)
        elif measure.action == "freeze":
            identity_accounts.freeze_account(by, object_id, scope="debit", reason=measure.reason)
        elif partner_id is not None:
            identity_accounts.grant_access(by, partner_id, object_id, measure.action.removeprefix("share as "))


def _is_taken(session: Session, measure: Measure, object_id: UUID, partner_id: UUID | None) -> bool:
    statement = select(AuditEvent.id).where(
        AuditEvent.object_id == object_id, AuditEvent.action == ACTIONS[measure.action]
    )
    if partner_id is not None:
        statement = statement.where(AuditEvent.after["user_id"].astext == str(partner_id))
    return session.scalar(statement.limit(1)) is not None
