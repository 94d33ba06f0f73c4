"""Making the people of the demo world and their accounts; who is there already stays as they are."""

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from wallet_app import clock
from wallet_app.audit import Actor, record_event
from wallet_app.demo.events import Purse
from wallet_app.demo.people import CUSTOMERS, STAFF, Customer, StaffMember, make_email
from wallet_app.demo.showing import Reporter
from wallet_app.errors import Problem
from wallet_app.identity import accounts as identity_accounts
from wallet_app.identity.caller import Caller
from wallet_app.identity.models import User
from wallet_app.identity.passwords import hash_password
from wallet_app.identity.permissions import Role
from wallet_app.identity.users import add_user
from wallet_app.ledger.accounts import open_account
from wallet_app.ledger.models import Account
from wallet_app.uow import run_in_unit_of_work

EVERYBODY: Sequence[StaffMember | Customer] = (*STAFF, *CUSTOMERS)
ROLES = {member.name: member.role for member in STAFF}


@dataclass(frozen=True, slots=True)
class World:
    """Who and what is there: users by name, accounts by purse. A purse whose owner has closed down may be missing."""

    users: dict[str, UUID]
    accounts: dict[Purse, UUID]

    def make_caller(self, name: str) -> Caller:
        """Somebody as they were then: active, whatever became of them since."""
        return Caller(self.users[name], ROLES.get(name, Role.CUSTOMER), "active", uuid4())


def find_start() -> datetime | None:
    """When the history of the demo people who are there began; None when nobody is."""
    emails = [make_email(person.name) for person in EVERYBODY]
    return run_in_unit_of_work(
        lambda session: session.scalar(
            select(User.created_at).where(User.email.in_(emails)).order_by(User.created_at).limit(1)
        )
    )


def settle_people(password: str, start: datetime, reporter: Reporter) -> World:
    """Make whoever and whatever is missing.

    Raises:
        ValidationFailed: nobody may have this password.
    """
    users = run_in_unit_of_work(_read_users)
    missing = [person for person in EVERYBODY if person.name not in users]
    if missing:
        reporter.begin("Making people", len(missing))
        # Hashing is slow on purpose, and lets go of the interpreter meanwhile.
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            hashes = pool.map(hash_password, [password] * len(missing))
            for person, password_hash in zip(missing, hashes, strict=True):
                users[person.name] = _add_person(person, password_hash, start, users.get("admin"))
                reporter.advance()
    _open_other_accounts(World(users, run_in_unit_of_work(partial(_read_accounts, users))), start)
    return World(users, run_in_unit_of_work(partial(_read_accounts, users)))


def _read_users(session: Session) -> dict[str, UUID]:
    names = {make_email(person.name): person.name for person in EVERYBODY}
    rows = session.execute(select(User.email, User.id).where(User.email.in_(names)))
    return {names[email]: user_id for email, user_id in rows}


def _add_person(person: StaffMember | Customer, password_hash: str, start: datetime, admin_id: UUID | None) -> UUID:
    """Staff are all there from the first moment, which marks the beginning; customers come when they join."""
    joined = start + timedelta(days=person.joined if isinstance(person, Customer) else 0)

    def add(session: Session) -> UUID:
        profile = {"timezone": person.timezone}
        if isinstance(person, Customer):
            profile["currency"] = person.currencies[0]
            profile |= {name: text for name in ("phone", "company") if (text := getattr(person, name))}
        user = add_user(
            session,
            email=make_email(person.name),
            password_hash=password_hash,
            full_name=person.full_name,
            role=ROLES.get(person.name, Role.CUSTOMER),
            profile=profile,
            has_demo_password=True,
        )
        if isinstance(person, Customer):
            open_account(session, user.id, person.currencies[0], is_primary=True)
        else:
            _record_creation(session, user, admin_id)
        return user.id

    with clock.at(joined):
        return run_in_unit_of_work(add)


def _record_creation(session: Session, user: User, admin_id: UUID | None) -> None:
    actor = Actor(admin_id, Role.ADMIN) if admin_id else Actor(None, "system")
    record_event(
        session,
        actor,
        "user.created",
        object_type="user",
        object_id=user.id,
        after={"email": user.email, "role": user.role},
    )


def _read_accounts(users: dict[str, UUID], session: Session) -> dict[Purse, UUID]:
    """The oldest account of a currency is the everyday one, the second holds the savings."""
    names = {user_id: name for name, user_id in users.items()}
    rows = session.execute(
        select(Account.user_id, Account.currency, Account.id)
        .where(Account.user_id.in_(names))
        .order_by(Account.created_at, Account.id)
    )
    accounts: dict[Purse, UUID] = {}
    for user_id, currency, account_id in rows:
        name = names[user_id] if user_id else ""
        accounts.setdefault(Purse(name, currency, is_saving=Purse(name, currency) in accounts), account_id)
    return accounts


def _open_other_accounts(world: World, start: datetime) -> None:
    """Accounts in further currencies, by their owners, and for savings, by an administrator."""
    for customer in CUSTOMERS:
        joined = start + timedelta(days=customer.joined)
        for minutes, purse in enumerate(_list_purses(customer)):
            if purse in world.accounts:
                continue
            by = world.make_caller("admin" if purse.is_saving else customer.name)
            label = "Savings" if purse.is_saving else None
            with clock.at(joined + timedelta(minutes=minutes)):
                try:
                    identity_accounts.open_account(
                        by, currency=purse.currency, label=label, user_id=world.users[customer.name]
                    )
                except Problem:  # they have closed down: the rest of the world goes on without
                    continue


def _list_purses(customer: Customer) -> Iterable[Purse]:
    for currency in customer.currencies:
        yield Purse(customer.name, currency)
    if customer.saving:
        yield Purse(customer.name, customer.currencies[0], is_saving=True)
