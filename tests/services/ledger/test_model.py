"""The whole ledger against a plain model in memory: Hypothesis makes people do things, and both must agree after each."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.moves import by_id, keyed, reversal, run, top_up, transfer, withdrawal
from tests.people import make_person
from wallet_app import clock
from wallet_app.errors import BatchRefused, Problem
from wallet_app.identity import accounts as service
from wallet_app.identity.caller import Caller
from wallet_app.identity.permissions import Role
from wallet_app.ledger.folding import fold_system_deltas
from wallet_app.ledger.holds import HoldChanges, LockedHold, lock_holds
from wallet_app.ledger.locking import LockedAccount, lock_accounts
from wallet_app.ledger.models import Account
from wallet_app.ledger.queries import read_standing_at
from wallet_app.transactions.pipeline import Moved, MoveRequest, Replayed, Result
from wallet_app.transactions.verify import run_verification
from wallet_app.uow import run_in_unit_of_work

DIGITS = {"JPY": 0, "USD": 2, "KWD": 3}
CURRENCIES = st.sampled_from(sorted(DIGITS))
ZERO = Decimal(0)


@dataclass
class ModelAccount:
    """What an account should be. Amounts in its currency."""

    id: UUID
    owner: int
    currency: str
    balance: Decimal = ZERO
    held: Decimal = ZERO
    overdraft: Decimal = ZERO
    scope: str | None = None
    is_closed: bool = False
    past: dict[datetime, tuple[Decimal, Decimal]] = field(default_factory=dict)

    @property
    def available(self) -> Decimal:
        return self.balance - self.held + self.overdraft

    @property
    def status(self) -> str:
        return "closed" if self.is_closed else "frozen" if self.scope else "active"


@dataclass
class ModelMove:
    """A move as it should go: who pays, who gets (None is the system), and how much."""

    kind: str
    payer: ModelAccount | None
    payee: ModelAccount | None
    amount: Decimal
    currency: str
    original: "ModelMove | None" = None
    transaction_id: UUID | None = None
    is_reversed: bool = False

    def list_refusals(self) -> set[str]:
        """Every reason there is to refuse it; one of them must be given."""
        reasons: set[str] = set()
        if self.original is not None:
            if self.original.is_reversed:
                return {"ALREADY_REVERSED"}
            if self.original.kind == "reversal":
                return {"NOT_REVERSIBLE"}
        if self.payer is self.payee:
            return {"SAME_ACCOUNT"}
        for account, is_payer in ((self.payer, True), (self.payee, False)):
            if account is None:
                continue
            if account.currency != self.currency:
                reasons.add("CURRENCY_MISMATCH")
            if account.is_closed:
                reasons.add("ACCOUNT_CLOSED")
            passes_debit_freeze = not is_payer or self.original is not None
            if account.scope == "all" or (account.scope == "debit" and not passes_debit_freeze):
                reasons.add("ACCOUNT_FROZEN")
            if is_payer and account.available < self.amount:
                reasons.add("INSUFFICIENT_FUNDS")
        return reasons

    def apply(self, sign: int = 1) -> None:
        for account, amount in ((self.payer, -self.amount), (self.payee, self.amount)):
            if account is not None:
                account.balance += sign * amount
        if self.original is not None:
            self.original.is_reversed = sign > 0


@dataclass
class ModelHold:
    id: UUID
    account: ModelAccount
    remaining: Decimal
    expires_at: datetime


class LedgerMachine(RuleBasedStateMachine):
    """Three customers, operations and an administrator. Each run goes on in the same database with new people."""

    app: ClassVar[Flask]

    @initialize()
    def meet(self) -> None:
        self.customers = [make_person(self.app).caller for _ in range(3)]
        self.operations: Caller = make_person(self.app, Role.OPERATIONS).caller
        self.admin: Caller = make_person(self.app, Role.ADMIN).caller
        self.accounts: list[ModelAccount] = []
        self.moves: list[ModelMove] = []
        self.holds: list[ModelHold] = []
        self.answered: list[tuple[MoveRequest, Result]] = []
        for owner, caller in enumerate(self.customers):
            # Everyone begins with the dollar account they registered with.
            account = run_in_unit_of_work(
                lambda session, caller=caller: session.scalars(
                    select(Account).where(Account.user_id == caller.user_id)
                ).one()
            )
            self.accounts.append(ModelAccount(account.id, owner, "USD"))

    def pick(self, data: st.DataObject, at_most: int | None = None) -> ModelAccount:
        return data.draw(st.sampled_from(self.accounts[:at_most]), label="account")

    def draw_amount(self, data: st.DataObject, currency: str) -> Decimal:
        return Decimal(data.draw(st.integers(1, 20_000), label="amount")).scaleb(-DIGITS[currency])

    @rule(owner=st.integers(0, 2), currency=CURRENCIES)
    def open(self, owner: int, currency: str) -> None:
        exists = any(a.owner == owner and a.currency == currency and not a.is_closed for a in self.accounts)
        try:
            account = service.open_account(self.customers[owner], currency=currency)
        except Problem as problem:
            assert (problem.code, exists) == ("ACCOUNT_EXISTS", True)  # noqa: PT017 - either way is right, by the model
        else:
            assert not exists
            self.accounts.append(ModelAccount(account.id, owner, currency))

    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        """A list of moves by operations, who may move anything; half of them in one piece or not at all."""
        wanted = [self.draw_move(data) for _ in range(data.draw(st.integers(1, 4), label="moves"))]
        atomic = data.draw(st.booleans(), label="atomic")
        requests = [
            keyed(self.make_request(move), f"{len(self.answered)}-{len(self.moves)}-{index}")
            for index, move in enumerate(wanted)
        ]
        try:
            results = run(self.operations, requests, atomic=atomic)
        except BatchRefused as refused:
            self.check_batch_refusal(wanted, refused)
            return
        self.answered += zip(requests, results, strict=True)
        for move, result in zip(wanted, results, strict=True):
            reasons = move.list_refusals()
            if isinstance(result.outcome, Moved):
                assert not reasons
                move.apply()
                move.transaction_id = result.outcome.transaction.id
                self.moves.append(move)
            else:
                assert not atomic
                assert result.outcome.problem.code in reasons  # type: ignore[union-attr]

    def check_batch_refusal(self, wanted: list[ModelMove], refused: BatchRefused) -> None:
        index, error = refused.details["index"], refused.details["error"]
        assert isinstance(index, int)
        for move in wanted[:index]:
            assert not move.list_refusals()
            move.apply()
        assert getattr(error, "code", None) in wanted[index].list_refusals()
        for move in reversed(wanted[:index]):
            move.apply(-1)

    def draw_move(self, data: st.DataObject) -> ModelMove:
        kind = data.draw(st.sampled_from(["top_up", "transfer", "transfer", "withdrawal", "reversal"]), label="kind")
        if kind == "reversal" and self.moves:
            original = data.draw(st.sampled_from(self.moves), label="original")
            return ModelMove("reversal", original.payee, original.payer, original.amount, original.currency, original)
        payer = self.pick(data)
        amount = self.draw_amount(data, payer.currency)
        if kind == "transfer":
            alike = [account for account in self.accounts if account.currency == payer.currency] * 3 + self.accounts
            return ModelMove(kind, payer, data.draw(st.sampled_from(alike), label="payee"), amount, payer.currency)
        if kind == "withdrawal":
            return ModelMove(kind, payer, None, amount, payer.currency)
        return ModelMove("top_up", None, payer, amount, payer.currency)

    def make_request(self, move: ModelMove) -> Any:
        amount = str(move.amount)
        if move.original is not None:
            assert move.original.transaction_id is not None
            return reversal(move.original.transaction_id)
        if move.payer is None:
            assert move.payee is not None
            return top_up(move.payee.id, amount, move.currency)
        if move.payee is None:
            return withdrawal(move.payer.id, amount, move.currency)
        return transfer(move.payer.id, move.payee.id, amount, move.currency)

    @precondition(lambda self: self.answered)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        """The same request again, whatever happened since: the same answer, and nothing moves."""
        request, result = data.draw(st.sampled_from(self.answered), label="request")
        (again,) = run(self.operations, [request])
        if result.answer.status in {201, 409, 422}:
            assert isinstance(again.outcome, Replayed)
            assert again.answer == result.answer

    @rule(data=st.data(), scope=st.sampled_from(["debit", "all"]))
    def freeze(self, data: st.DataObject, scope: str) -> None:
        account = self.pick(data)
        with self.expect("ACCOUNT_NOT_OPEN" if account.is_closed else None):
            service.freeze_account(self.operations, account.id, scope=scope, reason="model")
            account.scope = scope

    @rule(data=st.data())
    def unfreeze(self, data: st.DataObject) -> None:
        account = self.pick(data)
        code = "ACCOUNT_NOT_OPEN" if account.is_closed else None if account.scope else "ACCOUNT_NOT_FROZEN"
        with self.expect(code):
            service.unfreeze_account(self.operations, account.id, reason="model")
            account.scope = None

    @rule(data=st.data())
    def set_overdraft(self, data: st.DataObject) -> None:
        account = self.pick(data)
        limit = self.draw_amount(data, account.currency)
        version = run_in_unit_of_work(lambda session: session.get_one(Account, account.id).version)
        in_use = account.balance - account.held < -limit
        with self.expect("ACCOUNT_NOT_OPEN" if account.is_closed else "OVERDRAFT_IN_USE" if in_use else None):
            service.edit_account(self.operations, account.id, version, changes={}, overdraft_limit=limit)
            account.overdraft = limit

    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        account = self.pick(data)
        empty = not account.balance and not account.held
        with self.expect("ACCOUNT_NOT_OPEN" if account.is_closed else None if empty else "ACCOUNT_NOT_EMPTY"):
            service.close_account(self.admin, account.id)
            account.is_closed, account.scope = True, None

    def expect(self, code: str | None) -> Any:
        """A block that must raise the problem ``code``, or none."""
        return pytest.raises(Problem, check=lambda problem: problem.code == code) if code else nullcontext()

    @rule(data=st.data())
    def place_hold(self, data: st.DataObject) -> None:
        account = self.pick(data)
        amount = self.draw_amount(data, account.currency)

        def place(changes: HoldChanges, locked: LockedAccount, _: object, at: datetime) -> LockedHold:
            until = at + timedelta(hours=1)
            return changes.place_hold(locked, amount, created_by=self.operations.user_id, at=at, expires_at=until)

        if account.is_closed:
            return
        with self.expect(None if amount <= account.available else "INSUFFICIENT_FUNDS"):
            hold = self.change_holds(account, place)
            account.held += amount
            self.holds.append(ModelHold(hold.id, account, amount, hold.expires_at))

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), end=st.sampled_from(["part", "final", "release", "expire"]))
    def end_hold(self, data: st.DataObject, end: str) -> None:
        hold = data.draw(st.sampled_from(self.holds), label="hold")
        amount = min(self.draw_amount(data, hold.account.currency), hold.remaining or Decimal(1))

        def change(changes: HoldChanges, locked: LockedAccount, found: LockedHold | None, at: datetime) -> bool:
            assert found is not None
            is_open = hold.remaining > 0 and (at < hold.expires_at or end == "expire")
            with self.expect(None if is_open else "HOLD_NOT_OPEN"):
                if end in {"part", "final"}:
                    changes.capture_hold(locked, found, amount, at=at, final=end == "final")
                elif end == "release":
                    changes.release_hold(locked, found, at=at)
                else:
                    changes.expire_hold(locked, found, at=max(at, hold.expires_at))
            return is_open

        if self.change_holds(hold.account, change, hold.id):
            freed = amount if end == "part" else hold.remaining
            hold.remaining -= freed
            hold.account.held -= freed

    def change_holds(self, account: ModelAccount, change: Callable[..., Any], hold_id: UUID | None = None) -> Any:
        def work(session: Session) -> Any:
            connection, changes, ref = session.connection(), HoldChanges(), by_id(account.id)
            locked = lock_accounts(connection, self.operations.user_id, {ref: True})[ref]
            found = lock_holds(connection, [hold_id])[hold_id] if hold_id else None
            at = max(clock.now(), locked.last_moved_at or clock.now())
            result = change(changes, locked, found, at)
            changes.write(connection)
            return result

        return run_in_unit_of_work(work)

    @rule()
    def fold(self) -> None:
        run_in_unit_of_work(fold_system_deltas)

    @invariant()
    def agree(self) -> None:
        ids = [account.id for account in self.accounts]
        statement = select(Account).where(Account.id.in_(ids)).execution_options(populate_existing=True)
        rows = {row.id: row for row in run_in_unit_of_work(lambda session: session.scalars(statement).all())}
        for account in self.accounts:
            row = rows[account.id]
            assert (row.balance, row.held, row.status, row.freeze_scope, row.overdraft_limit) == (
                account.balance,
                account.held,
                account.status,
                account.scope,
                account.overdraft,
            )
            if row.last_moved_at is not None:
                account.past[row.last_moved_at] = (account.balance, account.held)

    def teardown(self) -> None:
        def check(session: Session) -> None:
            for account in self.accounts:
                row = session.get_one(Account, account.id)
                for moment, (balance, held) in account.past.items():
                    standing = read_standing_at(session, row, moment)
                    assert (standing.balance, standing.held) == (balance, held)

        run_in_unit_of_work(check)
        assert run_verification() == []


def test_the_ledger_is_what_a_plain_model_says(own_app: Flask) -> None:
    LedgerMachine.app = own_app
    with own_app.app_context():
        run_state_machine_as_test(
            LedgerMachine,
            settings=settings(
                max_examples=30,
                stateful_step_count=40,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
