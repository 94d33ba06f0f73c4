"""The whole ledger against a plain model in memory: Hypothesis makes things happen, and both must agree after each."""

from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
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

from tests.moves import keyed, lock_account, reversal, run, top_up, transfer, withdrawal
from tests.people import make_person
from tests.services.ledger.plain_model import DIGITS, ModelAccount, ModelHold, ModelMove, make_reversal
from wallet_app import clock
from wallet_app.errors import BatchRefused, Problem
from wallet_app.identity import accounts as service
from wallet_app.identity.caller import Caller
from wallet_app.identity.permissions import Role
from wallet_app.ledger.folding import fold_system_deltas
from wallet_app.ledger.holds import HoldChanges, LockedHold, lock_holds
from wallet_app.ledger.locking import LockedAccount
from wallet_app.ledger.models import Account
from wallet_app.ledger.queries import read_standing_at
from wallet_app.transactions.moves import Refused
from wallet_app.transactions.pipeline import Moved, MoveRequest, Replayed, Result
from wallet_app.transactions.verify import run_verification
from wallet_app.uow import run_in_unit_of_work

CURRENCIES = st.sampled_from(sorted(DIGITS))


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
        self.numbers = count()
        for owner, caller in enumerate(self.customers):
            # Everyone begins with the dollar account they registered with.
            account = run_in_unit_of_work(
                lambda session, caller=caller: session.scalars(
                    select(Account).where(Account.user_id == caller.user_id)
                ).one()
            )
            self.add_account(ModelAccount(account.id, owner, "USD"))

    def add_account(self, account: ModelAccount) -> None:
        """Every account begins with enough for some moves, but not for many."""
        self.accounts.append(account)
        self.carry_out(
            [ModelMove("top_up", None, account, Decimal(15_000).scaleb(-DIGITS[account.currency]), account.currency)]
        )

    def pick(self, data: st.DataObject) -> ModelAccount:
        return data.draw(st.sampled_from(self.accounts), label="account")

    def draw_amount(self, data: st.DataObject, account: ModelAccount) -> Decimal:
        """Any amount, all that is available, or the smallest unit more."""
        unit = Decimal(1).scaleb(-DIGITS[account.currency])
        amounts = [unit * data.draw(st.integers(1, 20_000), label="amount")]
        if account.available > 0:
            amounts += [account.available, account.available + unit]
        return data.draw(st.sampled_from(amounts), label="which")

    @rule(owner=st.integers(0, 2), currency=CURRENCIES)
    def open(self, owner: int, currency: str) -> None:
        exists = any(a.owner == owner and a.currency == currency and not a.is_closed for a in self.accounts)
        with self.expect("ACCOUNT_EXISTS" if exists else None):
            account = service.open_account(self.customers[owner], currency=currency)
            self.add_account(ModelAccount(account.id, owner, currency))

    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        """A list of moves by operations, who may move anything; half of them in one piece or not at all."""
        wanted = [self.draw_move(data) for _ in range(data.draw(st.integers(1, 5), label="moves"))]
        self.carry_out(wanted, atomic=data.draw(st.booleans(), label="atomic"))

    @rule(data=st.data())
    def move_one(self, data: st.DataObject) -> None:
        self.carry_out([self.draw_move(data)])

    @precondition(lambda self: self.moves)
    @rule(data=st.data())
    def reverse(self, data: st.DataObject) -> None:
        """Lately made moves are taken back; now and then one of them twice."""
        originals = data.draw(st.lists(st.sampled_from(self.moves[-6:]), min_size=1, max_size=3), label="originals")
        self.carry_out([make_reversal(original) for original in originals])

    def carry_out(self, wanted: list[ModelMove], *, atomic: bool = False) -> None:
        number = next(self.numbers)
        requests = [keyed(self.make_request(move), f"{number}-{index}") for index, move in enumerate(wanted)]
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
                assert isinstance(result.outcome, Refused)
                assert not atomic
                assert result.outcome.problem.code in reasons

    def check_batch_refusal(self, wanted: list[ModelMove], refused: BatchRefused) -> None:
        index, error = refused.details["index"], refused.details["error"]
        assert isinstance(index, int)
        for move in wanted[:index]:
            assert not move.list_refusals()
            move.apply()
        assert isinstance(error, dict)
        assert error["code"] in wanted[index].list_refusals()
        for move in reversed(wanted[:index]):
            move.apply(-1)

    def draw_move(self, data: st.DataObject) -> ModelMove:
        kind = data.draw(st.sampled_from(["top_up", "transfer", "transfer", "withdrawal", "reversal"]), label="kind")
        if kind == "reversal" and self.moves:
            original = data.draw(st.sampled_from(self.moves), label="original")
            return ModelMove("reversal", original.payee, original.payer, original.amount, original.currency, original)
        payer = self.pick(data)
        amount = self.draw_amount(data, payer)
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

    @rule(data=st.data(), change=st.sampled_from(["freeze", "unfreeze", "set_overdraft", "set_overdraft", "close"]))
    def change_settings(self, data: st.DataObject, change: str) -> None:
        account = self.pick(data)
        if account.is_closed:
            with self.expect("ACCOUNT_NOT_OPEN"):
                service.freeze_account(self.operations, account.id, scope="all", reason="model")
        else:
            getattr(self, change)(data, account)

    def freeze(self, data: st.DataObject, account: ModelAccount) -> None:
        account.scope = data.draw(st.sampled_from(["debit", "all"]), label="scope")
        service.freeze_account(self.operations, account.id, scope=account.scope, reason="model")

    def unfreeze(self, _: st.DataObject, account: ModelAccount) -> None:
        with self.expect(None if account.scope else "ACCOUNT_NOT_FROZEN"):
            service.unfreeze_account(self.operations, account.id, reason="model")
        account.scope = None

    def set_overdraft(self, data: st.DataObject, account: ModelAccount) -> None:
        limit = self.draw_amount(data, account)
        version = run_in_unit_of_work(lambda session: session.get_one(Account, account.id).version)
        with self.expect("OVERDRAFT_IN_USE" if account.balance - account.held < -limit else None):
            service.edit_account(self.operations, account.id, version, changes={}, overdraft_limit=limit)
            account.overdraft = limit

    def close(self, data: st.DataObject, account: ModelAccount) -> None:
        """Half of the accounts to be closed are emptied first, if that may be."""
        last = ModelMove("withdrawal", account, None, account.balance, account.currency)
        if account.balance > 0 and not last.list_refusals() and data.draw(st.booleans(), label="empty it"):
            self.carry_out([last])
        with self.expect("ACCOUNT_NOT_EMPTY" if account.balance or account.held else None):
            service.close_account(self.admin, account.id)
            account.is_closed, account.scope = True, None

    def expect(self, code: str | None) -> Any:
        """A block that must raise the problem ``code``, or none."""
        return pytest.raises(Problem, check=lambda problem: problem.code == code) if code else nullcontext()

    @rule(data=st.data())
    def place_hold(self, data: st.DataObject) -> None:
        account = self.pick(data)
        amount = self.draw_amount(data, account)

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
        amount = min(self.draw_amount(data, hold.account), hold.remaining or Decimal(1))

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
            connection, changes = session.connection(), HoldChanges()
            locked = lock_account(connection, account.id)
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
                max_examples=60,
                stateful_step_count=50,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
