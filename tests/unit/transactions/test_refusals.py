"""Every reason a move may be refused for, decided without a database. A refusal leaves the accounts as they were."""

from copy import deepcopy
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from tests.unit.transactions.facts import (
    ANA,
    BO,
    CASH,
    DESTINATION,
    ORIGINAL,
    SOURCE,
    STAFF,
    make_account,
    make_caller,
    make_facts,
    make_original,
)
from wallet_app.errors import (
    AccountClosed,
    AccountFrozen,
    AlreadyRefunded,
    AlreadyReversed,
    CurrencyMismatch,
    Forbidden,
    InsufficientFunds,
    NoAccountInCurrency,
    NotFound,
    NotReversible,
    Problem,
    SameAccount,
    TransactionNotCompleted,
    UserSuspended,
)
from wallet_app.identity.permissions import Role
from wallet_app.ledger.references import AccountRef
from wallet_app.transactions.moves import Facts, Move
from wallet_app.transactions.reversal import Reversal
from wallet_app.transactions.top_up import TopUp
from wallet_app.transactions.transfer import Transfer
from wallet_app.transactions.withdrawal import Withdrawal

NOWHERE = AccountRef("id", "nowhere")
STRANGER = UUID(int=7)
CLOSED = {"status": "closed", "balance": Decimal(0)}
FROZEN_ALL = {"status": "frozen", "freeze_scope": "all"}
FROZEN_DEBIT = {"status": "frozen", "freeze_scope": "debit"}


def transfer(**changes: Any) -> Transfer:
    return replace(Transfer(source=SOURCE, destination=DESTINATION, amount=Decimal(40), currency="USD"), **changes)


def top_up(**changes: Any) -> TopUp:
    return replace(TopUp(account=SOURCE, amount=Decimal(40), currency="USD"), **changes)


def withdrawal(**changes: Any) -> Withdrawal:
    return replace(Withdrawal(account=SOURCE, amount=Decimal(40), currency="USD"), **changes)


REVERSAL = Reversal(original_id=ORIGINAL, accounts={SOURCE: False, DESTINATION: True})


@dataclass(frozen=True)
class Case:
    name: str
    move: Move
    facts: Facts
    problem: type[Problem]

    def __str__(self) -> str:
        return f"{type(self.move).__name__}-{self.name.replace(' ', '-')}"


def by(user_id: UUID, role: Role = Role.CUSTOMER, status: str = "active", **facts: Any) -> Facts:
    return make_facts(make_caller(user_id, role, status), **facts)


def source(**changes: Any) -> Facts:
    return make_facts(source=make_account(ANA, **changes), sandbox=True)


def destination(**changes: Any) -> Facts:
    return make_facts(destination=make_account(BO, **changes))


def reversed_by_bo(**changes: Any) -> Facts:
    return by(BO, original=make_original(**changes))


def without(facts: Facts, ref: AccountRef) -> Facts:
    del facts.accounts[ref]
    return facts


def staff(role: Role) -> Facts:
    return by(STAFF, role, original=make_original())


OPERATOR = {"owner": BO, "access": "operator"}

TRANSFERS = [
    Case("the caller is suspended", transfer(), by(ANA, status="suspended"), UserSuspended),
    Case("no such source", transfer(source=NOWHERE), make_facts(), NotFound),
    Case("the source is the system's", transfer(source=CASH), make_facts(), NotFound),
    Case("someone else's source", transfer(), by(STRANGER), NotFound),
    Case(
        "someone else's frozen source tells nothing",
        transfer(),
        by(STRANGER, source=make_account(ANA, **FROZEN_ALL)),
        NotFound,
    ),
    Case("seen as viewer", transfer(), by(STRANGER, source=make_account(ANA, access={STRANGER: "viewer"})), Forbidden),
    Case("seen as support", transfer(), staff(Role.SUPPORT), Forbidden),
    Case("seen as auditor", transfer(), staff(Role.AUDITOR), Forbidden),
    Case("seen as analyst", transfer(), staff(Role.FRAUD_ANALYST), Forbidden),
    Case("seen as administrator", transfer(), staff(Role.ADMIN), Forbidden),
    Case("suspended operations", transfer(), by(STAFF, Role.OPERATIONS, "suspended"), UserSuspended),
    Case(
        "no primary account to leave out",
        transfer(source=AccountRef("owner", str(ANA), "EUR")),
        make_facts(),
        NoAccountInCurrency,
    ),
    Case("no such destination", transfer(destination=NOWHERE), make_facts(), NotFound),
    Case("no such account number", transfer(destination=AccountRef("number", "1")), make_facts(), NotFound),
    Case("the destination is the system's", transfer(destination=CASH), make_facts(), NotFound),
    Case("to oneself", transfer(destination=SOURCE), make_facts(), SameAccount),
    Case("another currency than the source's", transfer(), source(currency="EUR"), CurrencyMismatch),
    Case("another currency than the destination's", transfer(), destination(currency="EUR"), CurrencyMismatch),
    Case("the source is closed", transfer(), source(**CLOSED), AccountClosed),
    Case("the source is frozen", transfer(), source(**FROZEN_ALL), AccountFrozen),
    Case("the source is frozen for debits", transfer(), source(**FROZEN_DEBIT), AccountFrozen),
    Case(
        "operations pass no freeze but a reversal's",
        transfer(),
        by(STAFF, Role.OPERATIONS, source=make_account(ANA, **FROZEN_DEBIT)),
        AccountFrozen,
    ),
    Case("the destination is closed", transfer(), destination(**CLOSED), AccountClosed),
    Case("the destination is frozen", transfer(), destination(**FROZEN_ALL), AccountFrozen),
    Case(
        "the owner is suspended and an operator acts",
        transfer(),
        by(BO, source=make_account(ANA, owner_status="suspended", access={BO: "operator"})),
        UserSuspended,
    ),
    Case("one cent too much", transfer(amount=Decimal("100.01")), make_facts(), InsufficientFunds),
    Case("too much beside what is held", transfer(), source(held=Decimal("60.01")), InsufficientFunds),
    Case(
        "too much for the overdraft",
        transfer(amount=Decimal("150.01")),
        source(overdraft_limit=Decimal(50)),
        InsufficientFunds,
    ),
]

TOP_UPS = [
    Case("the caller is suspended", top_up(), by(ANA, status="suspended", sandbox=True), UserSuspended),
    Case("no sandbox", top_up(), make_facts(), Forbidden),
    Case("someone else's account", top_up(account=DESTINATION), make_facts(sandbox=True), NotFound),
    Case("the system's account", top_up(account=CASH), make_facts(sandbox=True), NotFound),
    Case("no such account", top_up(account=NOWHERE), make_facts(sandbox=True), NotFound),
    Case("seen as viewer", top_up(), by(BO, source=make_account(ANA, access={BO: "viewer"}), sandbox=True), Forbidden),
    Case("seen as support", top_up(), by(STAFF, Role.SUPPORT, sandbox=True), Forbidden),
    Case("another currency", top_up(), source(currency="EUR"), CurrencyMismatch),
    Case("the account is closed", top_up(), source(**CLOSED), AccountClosed),
    Case("the account is frozen", top_up(), source(**FROZEN_ALL), AccountFrozen),
]

WITHDRAWALS = [
    Case("the caller is suspended", withdrawal(), by(ANA, status="suspended"), UserSuspended),
    Case("no such account", withdrawal(account=NOWHERE), make_facts(), NotFound),
    Case("someone else's account", withdrawal(account=DESTINATION), make_facts(), NotFound),
    Case("the system's account", withdrawal(account=CASH), make_facts(), NotFound),
    Case("seen as viewer", withdrawal(), by(BO, source=make_account(ANA, access={BO: "viewer"})), Forbidden),
    Case("another currency", withdrawal(), source(currency="EUR"), CurrencyMismatch),
    Case("the account is closed", withdrawal(), source(**CLOSED), AccountClosed),
    Case("the account is frozen", withdrawal(), source(**FROZEN_ALL), AccountFrozen),
    Case("the account is frozen for debits", withdrawal(), source(**FROZEN_DEBIT), AccountFrozen),
    Case("one cent too much", withdrawal(amount=Decimal("100.01")), make_facts(), InsufficientFunds),
    Case("too much beside what is held", withdrawal(), source(held=Decimal("60.01")), InsufficientFunds),
]

REVERSALS = [
    Case("no such transaction", REVERSAL, by(BO), NotFound),
    Case("the caller is suspended", REVERSAL, by(BO, status="suspended", original=make_original()), UserSuspended),
    Case("by the sender", REVERSAL, by(ANA, original=make_original()), Forbidden),
    Case("by a stranger", REVERSAL, by(STRANGER, original=make_original()), Forbidden),
    Case(
        "by a viewer of the recipient's account",
        REVERSAL,
        by(STRANGER, destination=make_account(BO, access={STRANGER: "viewer"}), original=make_original()),
        Forbidden,
    ),
    Case("by support", REVERSAL, staff(Role.SUPPORT), Forbidden),
    Case("by an administrator", REVERSAL, staff(Role.ADMIN), Forbidden),
    Case("a top-up by its recipient", REVERSAL, reversed_by_bo(type="top_up", source_account_id=None), Forbidden),
    Case("reversed before", REVERSAL, reversed_by_bo(status="reversed"), AlreadyReversed),
    Case("still pending", REVERSAL, reversed_by_bo(status="pending", entries=()), TransactionNotCompleted),
    Case("failed", REVERSAL, reversed_by_bo(status="failed", entries=()), TransactionNotCompleted),
    Case("refunded in part", REVERSAL, reversed_by_bo(refunded_amount=Decimal(1)), AlreadyRefunded),
    *(
        Case(f"a {kind}", REVERSAL, by(STAFF, Role.OPERATIONS, original=make_original(type=kind)), NotReversible)
        for kind in ("reversal", "refund", "adjustment", "fee")
    ),
    Case(
        "the recipient has spent it",
        REVERSAL,
        by(BO, destination=make_account(BO, balance=Decimal("39.99")), original=make_original()),
        InsufficientFunds,
    ),
    Case(
        "the recipient has spent it, by operations",
        REVERSAL,
        by(
            STAFF,
            Role.OPERATIONS,
            destination=make_account(BO, balance=Decimal("39.99")),
            original=make_original(),
        ),
        InsufficientFunds,
    ),
    Case(
        "the recipient is frozen for debits",
        REVERSAL,
        by(BO, destination=make_account(BO, **FROZEN_DEBIT), original=make_original()),
        AccountFrozen,
    ),
    Case(
        "the recipient is frozen, by operations",
        REVERSAL,
        by(STAFF, Role.OPERATIONS, destination=make_account(BO, **FROZEN_ALL), original=make_original()),
        AccountFrozen,
    ),
    Case(
        "the sender is frozen",
        REVERSAL,
        by(BO, source=make_account(ANA, **FROZEN_ALL), original=make_original()),
        AccountFrozen,
    ),
    Case(
        "the sender has closed the account",
        REVERSAL,
        by(BO, source=make_account(ANA, **CLOSED), original=make_original()),
        AccountClosed,
    ),
]


@pytest.mark.parametrize("case", [*TRANSFERS, *TOP_UPS, *WITHDRAWALS, *REVERSALS], ids=str)
def test_it_is_refused_and_leaves_the_facts_alone(case: Case) -> None:
    before = deepcopy(case.facts.accounts)
    with pytest.raises(Problem) as refused:
        case.move.decide(*case.facts)
    assert type(refused.value) is case.problem
    assert case.facts.accounts == before


def test_insufficient_funds_says_how_much_there_is() -> None:
    facts = make_facts(source=make_account(ANA, balance=Decimal("30.5"), held=Decimal(10)))
    with pytest.raises(InsufficientFunds) as refused:
        transfer().decide(*facts)
    assert refused.value.details == {"available": "20.50", "required": "40.00", "currency": "USD"}


def test_an_account_below_its_limit_has_nothing_available() -> None:
    facts = make_facts(source=make_account(ANA, balance=Decimal(-30), overdraft_limit=Decimal(20)))
    with pytest.raises(InsufficientFunds) as refused:
        transfer().decide(*facts)
    assert refused.value.details["available"] == "0.00"
