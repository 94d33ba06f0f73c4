"""The demo world in a real database: once, however often and however it is interrupted."""

import functools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import event, text

from config import DEMO_PASSWORD, load_config
from tests.conftest import SECRETS, clone_database, make_config
from tests.people import make_person
from wallet_app import clock, create_app
from wallet_app.demo import settling
from wallet_app.demo.seeding import seed_demo
from wallet_app.demo.story import LENGTH, tell_story
from wallet_app.errors import ConfigurationError, InvalidCredentials
from wallet_app.extensions import db
from wallet_app.identity.passwords import hash_password
from wallet_app.identity.sessions import verify_credentials
from wallet_app.transactions.verify import run_verification
from wallet_app.uow import run_in_unit_of_work

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 20, 12, 34, 56, 789012, UTC)

STATE = {
    "users": "SELECT email, full_name, role, status, timezone, currency, phone, company, has_demo_password, created_at"
    " FROM users ORDER BY email",
    "accounts": "SELECT u.email, a.kind, a.currency, a.label, a.status, a.freeze_scope, a.is_primary, a.balance,"
    " a.entry_count, a.version, a.last_moved_at, a.created_at"
    " FROM accounts a LEFT JOIN users u ON u.id = a.user_id WHERE a.kind = 'customer' ORDER BY 1, 3, 4, 12",
    "system": "SELECT a.kind, a.currency, a.balance + coalesce(sum(d.amount), 0) FROM accounts a"
    " LEFT JOIN system_deltas d ON d.account_id = a.id WHERE a.kind <> 'customer' GROUP BY a.id ORDER BY 1, 2",
    "access": "SELECT o.email, u.email, x.access, x.granted_at FROM account_access x JOIN users u ON u.id = x.user_id"
    " JOIN accounts a ON a.id = x.account_id JOIN users o ON o.id = a.user_id ORDER BY 1, 2",
    "transactions": "SELECT t.created_at, t.type, t.status, t.amount, t.currency, t.description, t.reason, u.email"
    " FROM transactions t JOIN users u ON u.id = t.initiated_by ORDER BY 1, 2, 4, 6, 8",
    "audit": "SELECT e.occurred_at, e.action, e.actor_role, e.reason, u.email FROM audit_events e"
    " LEFT JOIN users u ON u.id = e.actor_id ORDER BY 1, 2, 3, 4, 5",
    "keys": "SELECT u.email, i.key, i.response_status FROM idempotency_keys i JOIN users u ON u.id = i.caller_id"
    " ORDER BY 1, 2",
}


class Interrupted(Exception):
    pass


class Listener:
    """Hears the seed, and interrupts it after so many steps."""

    def __init__(self, interrupt_after: int | None = None) -> None:
        self.said: list[str] = []
        self.steps = 0
        self._interrupt_after = interrupt_after

    def say(self, text: str) -> None:
        self.said.append(text)

    def begin(self, title: str, total: int) -> None:
        self.said.append(f"{title}: {total}")

    def advance(self, steps: int = 1) -> None:
        self.steps += steps
        if self._interrupt_after is not None and self.steps >= self._interrupt_after:
            raise Interrupted


def seed(app: Flask, now: datetime = NOW, interrupt_after: int | None = None) -> Listener:
    listener = Listener(interrupt_after)
    with app.app_context(), clock.at(now):
        seed_demo(DEMO_PASSWORD, listener)
    return listener


def read(app: Flask, statement: str) -> list[tuple[object, ...]]:
    with app.app_context():
        return run_in_unit_of_work(lambda session: [tuple(row) for row in session.execute(text(statement))])


def read_state(app: Flask) -> dict[str, list[tuple[object, ...]]]:
    return {name: read(app, statement) for name, statement in STATE.items()}


@pytest.fixture(scope="module")
def seeded() -> Iterator[Flask]:
    """An app on a database with nothing but the demo world, made in one go."""
    with clone_database() as url:
        app = create_app(make_config(url))
        listener = seed(app)
        assert listener.said[-1].startswith("The demo data is complete: 39 people")
        yield app
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "hash_password", functools.cache(hash_password))


def test_the_ledger_verifies(seeded: Flask) -> None:
    with seeded.app_context():
        assert run_verification() == []


def test_it_holds_what_the_story_tells(seeded: Flask) -> None:
    story = tell_story(NOW - LENGTH)
    state = read_state(seeded)
    assert len(state["users"]) == 39
    assert len(state["transactions"]) == len(story.events) + 1
    assert {row[2] for row in state["keys"]} == {201}
    assert {row[1] for row in state["transactions"]} == {"top_up", "withdrawal", "transfer", "reversal"}
    assert [row[3] for row in state["users"] if row[0] == "victor.almeida@wallet.example"] == ["suspended"]
    assert [row[4:6] for row in state["accounts"] if row[0] == "dilnoza.karimova@wallet.example" and row[6]] == [
        ("frozen", "debit")
    ]
    assert [row[:3] for row in state["access"]] == [
        ("elsa.lindqvist@wallet.example", "camille.moreau@wallet.example", "operator"),
        ("elsa.lindqvist@wallet.example", "lukas.brandt@wallet.example", "viewer"),
    ]
    assert sum(row[2] == "reversed" for row in state["transactions"]) == 3


def test_ana_has_dollars_and_euros(seeded: Flask) -> None:
    balances = read(
        seeded,
        "SELECT a.currency, a.balance > 50 FROM accounts a JOIN users u ON u.id = a.user_id"
        " WHERE u.email = 'ana@wallet.example' AND a.is_primary ORDER BY 1",
    )
    assert balances == [("EUR", True), ("USD", True)]


def test_nothing_lies_in_the_future_or_before_its_account(seeded: Flask) -> None:
    ((newest, oldest),) = read(seeded, "SELECT max(created_at), min(created_at) FROM transactions")
    assert newest == NOW
    assert isinstance(oldest, datetime)
    assert oldest >= NOW - LENGTH
    assert read(seeded, f"SELECT id FROM audit_events WHERE occurred_at > '{NOW.isoformat()}'") == []
    early = "SELECT e.id FROM entries e JOIN accounts a ON a.id = e.account_id WHERE e.created_at < a.created_at"
    assert read(seeded, f"{early} AND a.kind = 'customer'") == []


def test_everybody_can_sign_in_with_the_demo_password(seeded: Flask) -> None:
    with seeded.app_context():
        for name in ("admin", "ana", "rustam.yusupov"):
            assert verify_credentials(f"{name}@wallet.example", DEMO_PASSWORD).has_demo_password
        hashes = read(seeded, "SELECT count(DISTINCT password_hash) FROM users")
        assert hashes == [(39,)]


def test_a_second_time_costs_one_statement_and_changes_nothing(seeded: Flask) -> None:
    before = read_state(seeded)
    statements: list[str] = []

    def note(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    with seeded.app_context():
        event.listen(db.engine, "before_cursor_execute", note)
        try:
            listener = seed(seeded, NOW + timedelta(days=3))
        finally:
            event.remove(db.engine, "before_cursor_execute", note)

    assert listener.said == ["The demo data is complete."]
    assert len(statements) == 1
    assert read_state(seeded) == before


def test_interrupted_again_and_again_it_ends_the_same(seeded: Flask, fresh_app: Flask, quick_hashes: None) -> None:
    """Cut off among the people, twice among the moves, and before the measures; the last time days later."""
    events = len(tell_story(NOW - LENGTH).events)
    for interrupt_after, days in ((10, 0), (29 + 700, 0), (1100, 1), (events, 2)):
        with pytest.raises(Interrupted):
            seed(fresh_app, NOW + timedelta(days=days), interrupt_after)
    seed(fresh_app, NOW + timedelta(days=5))

    assert read_state(fresh_app) == read_state(seeded)
    with fresh_app.app_context():
        assert run_verification() == []


def test_real_people_are_left_alone_and_changed_demo_people_do_no_harm(fresh_app: Flask, quick_hashes: None) -> None:
    """Somebody uses the wallet, and the demo people, while the seed is not complete yet."""
    real = make_person(fresh_app, balance="12.34", email="kim@people.example")
    strangers = f"SELECT * FROM users WHERE email NOT LIKE '%@wallet.example' OR id = '{real.id}'"
    before = read(fresh_app, strangers), read(fresh_app, f"SELECT * FROM accounts WHERE user_id = '{real.id}'")
    with pytest.raises(Interrupted):
        seed(fresh_app, interrupt_after=39 + 300)
    with fresh_app.app_context():
        run_in_unit_of_work(
            lambda session: session.execute(
                text(
                    "UPDATE users SET has_demo_password = false, password_hash = 'x' WHERE email = 'bo@wallet.example';"
                    "UPDATE users SET status = 'closed' WHERE email LIKE 'yuki.%' OR email LIKE 'operations@%';"
                    "UPDATE users SET status = 'suspended' WHERE email LIKE 'ana@%'"
                )
            )
        )

    listener = seed(fresh_app)

    assert listener.said[-1].endswith("moves were left out: people or accounts have changed meanwhile.")
    assert seed(fresh_app).said == ["The demo data is complete."]
    assert (
        read(fresh_app, strangers),
        read(fresh_app, f"SELECT * FROM accounts WHERE user_id = '{real.id}'"),
    ) == before
    with fresh_app.app_context():
        assert run_verification() == []
        with pytest.raises(InvalidCredentials):
            verify_credentials("bo@wallet.example", DEMO_PASSWORD)


def test_production_refuses_to_start_on_it(seeded: Flask) -> None:
    url = seeded.config["SQLALCHEMY_DATABASE_URI"]
    config = load_config({"WALLET_ENV": "production", "DATABASE_URL": url, "LOG_LEVEL": "WARNING", **SECRETS})
    with pytest.raises(ConfigurationError, match=r"demo data: .*@wallet\.example has the published demo password"):
        create_app(config)
