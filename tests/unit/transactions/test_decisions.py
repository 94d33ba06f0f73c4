"""What is allowed, and the entries it makes; and long lists of decisions, none of which may make or lose money."""

from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.transactions.facts import (
    ANA,
    BO,
    CASH,
    DESTINATION,
    NOW,
    ORIGINAL,
    SOURCE,
    STAFF,
    make_account,
    make_caller,
    make_facts,
    make_original,
)
from wallet_app.errors import InsufficientFunds
from wallet_app.identity.permissions import Role
from wallet_app.ledger.posting import Leg, Posting
from wallet_app.ledger.references import AccountRef
from wallet_app.transactions.moves import Completed, Facts, Policy
from wallet_app.transactions.reversal import Reversal
from wallet_app.transactions.top_up import TopUp
from wallet_app.transactions.transfer import Transfer
from wallet_app.transactions.withdrawal import Withdrawal

TRANSFER = Transfer(source=SOURCE, destination=DESTINATION, amount=Decimal(100), currency="USD", description="rent")
REVERSAL = Reversal(original_id=ORIGINAL, accounts={SOURCE: False, DESTINATION: True}, reason="sent twice")


def list_legs(decision: Completed) -> list[tuple[UUID | None, Decimal]]:
    return [(leg.account.user_id, leg.amount) for leg in decision.legs]


def test_a_transfer_may_take_all_that_is_available() -> None:
    decision = TRANSFER.decide(*make_facts())
    assert list_legs(decision) == [(ANA, -100), (BO, 100)]
    assert (decision.type, decision.amount, decision.currency, decision.description) == (
        "transfer",
        100,
        "USD",
        "rent",
    )
    assert decision.source is not None
    assert decision.destination is not None
    assert (decision.source.user_id, decision.destination.user_id) == (ANA, BO)


@pytest.mark.parametrize(
    "source",
    [
        make_account(ANA, balance=Decimal(70), overdraft_limit=Decimal(30)),
        make_account(ANA, balance=Decimal(110), held=Decimal(10)),
        make_account(ANA, balance=Decimal(80), held=Decimal(10), overdraft_limit=Decimal(30)),
    ],
)
def test_available_is_balance_less_held_and_the_overdraft(source: object) -> None:
    assert TRANSFER.decide(*make_facts(source=source))  # type: ignore[arg-type]


def test_money_comes_into_an_account_that_is_frozen_for_debits() -> None:
    frozen = make_account(BO, status="frozen", freeze_scope="debit")
    assert TRANSFER.decide(*make_facts(destination=frozen))
    own = make_account(ANA, status="frozen", freeze_scope="debit")
    assert TopUp(account=SOURCE, amount=Decimal(1), currency="USD").decide(*make_facts(source=own, sandbox=True))


def test_money_comes_to_a_suspended_owner() -> None:
    assert TRANSFER.decide(*make_facts(destination=make_account(BO, owner_status="suspended")))


def test_an_operator_and_operations_may_move_it_too() -> None:
    shared = make_account(ANA, access={BO: "operator"})
    assert TRANSFER.decide(*make_facts(make_caller(BO), source=shared, destination=make_account(UUID(int=5))))
    suspended = make_account(ANA, owner_status="suspended")
    assert TRANSFER.decide(*make_facts(make_caller(STAFF, Role.OPERATIONS), source=suspended))


def test_top_up_and_withdrawal_go_against_cash() -> None:
    facts = make_facts(sandbox=True)
    added = TopUp(account=SOURCE, amount=Decimal(7), currency="USD").decide(*facts)
    assert list_legs(added) == [(None, -7), (ANA, 7)]
    assert (added.source, added.destination) == (None, facts.accounts[SOURCE])
    paid = Withdrawal(account=SOURCE, amount=Decimal(7), currency="USD", payout_reference="x").decide(*facts)
    assert list_legs(paid) == [(ANA, -7), (None, 7)]
    assert (paid.source, paid.destination) == (facts.accounts[SOURCE], None)
    assert paid.payout_reference == "x"


def test_operations_top_up_anyone_without_a_sandbox() -> None:
    facts = make_facts(make_caller(STAFF, Role.OPERATIONS))
    assert TopUp(account=SOURCE, amount=Decimal(7), currency="USD").decide(*facts)


@pytest.mark.parametrize(
    "facts",
    [
        make_facts(make_caller(BO), original=make_original()),
        make_facts(make_caller(STAFF, Role.OPERATIONS), original=make_original()),
        make_facts(
            make_caller(UUID(int=7)),
            destination=make_account(BO, access={UUID(int=7): "operator"}),
            original=make_original(),
        ),
        make_facts(
            make_caller(STAFF, Role.OPERATIONS),
            destination=make_account(BO, status="frozen", freeze_scope="debit"),
            original=make_original(),
        ),
    ],
    ids=["recipient", "operations", "operator", "operations-pass-a-debit-freeze"],
)
def test_a_reversal_is_the_opposite_of_its_original(facts: Facts) -> None:
    decision = REVERSAL.decide(*facts)
    assert list_legs(decision) == [(ANA, 40), (BO, -40)]
    assert (decision.source, decision.destination) == (facts.accounts[DESTINATION], facts.accounts[SOURCE])
    assert (decision.amount, decision.reason) == (40, "sent twice")
    assert decision.change is not None
    assert decision.change.new_status == "reversed"


def test_operations_take_back_a_top_up_and_a_withdrawal() -> None:
    ana, cash = make_account(ANA), make_account(None)
    for kind, own in (("top_up", Decimal(40)), ("withdrawal", Decimal(-40))):
        original = make_original(
            type=kind,
            source_account_id=ana.id if own < 0 else None,
            destination_account_id=ana.id if own > 0 else None,
            entries=((ana.id, own), (cash.id, -own)),
        )
        facts = make_facts(make_caller(STAFF, Role.OPERATIONS), original=original)
        accounts = {SOURCE: own > 0, CASH: own < 0}
        decision = Reversal(original_id=ORIGINAL, accounts=accounts).decide(*facts)
        assert list_legs(decision) == [(ANA, -own), (None, own)]


def test_legs_that_do_not_sum_to_zero_are_never_posted() -> None:
    ana, bo = make_account(ANA), make_account(BO)
    posting = Posting()
    for legs in (
        [],
        [Leg(ana, Decimal(1))],
        [Leg(ana, Decimal(-2)), Leg(bo, Decimal(1))],
        [Leg(ana, Decimal(-1)), Leg(make_account(BO, currency="EUR"), Decimal(1))],
    ):
        with pytest.raises(ValueError, match="sum to zero"):
            posting.post(uuid4(), legs, NOW)
    assert (ana.balance, bo.balance, ana.entry_count, posting.entries) == (100, 100, 3, [])


AMOUNTS = st.decimals(min_value="0.01", max_value="150", places=2)
STEPS = st.lists(
    st.tuples(st.sampled_from(["transfer", "top_up", "withdrawal"]), st.permutations(range(3)), AMOUNTS), max_size=40
)


@settings(max_examples=150, deadline=None, database=None)
@given(STEPS, st.lists(st.tuples(AMOUNTS, AMOUNTS, AMOUNTS), min_size=3, max_size=3))
def test_no_list_of_decisions_makes_or_loses_money(
    steps: list[tuple[str, list[int], Decimal]], begin: list[tuple[Decimal, Decimal, Decimal]]
) -> None:
    """Three accounts with balance, held and overdraft: the total stays, floors hold, numbers have no gap."""
    accounts = [
        make_account(UUID(int=number + 1), balance=balance + held, held=held, overdraft_limit=limit, entry_count=0)
        for number, (balance, held, limit) in enumerate(begin)
    ]
    refs = [AccountRef("id", str(number)) for number in range(3)]
    opening = [account.balance for account in accounts]
    book = {**dict(zip(refs, accounts, strict=True)), CASH: make_account(None)}
    posting = Posting()
    for kind, (first, second, _), amount in steps:
        move: Transfer | TopUp | Withdrawal
        if kind == "transfer":
            move = Transfer(source=refs[first], destination=refs[second], amount=amount, currency="USD")
        else:
            kind_of = TopUp if kind == "top_up" else Withdrawal
            move = kind_of(account=refs[first], amount=amount, currency="USD")
        available = accounts[first].available
        facts = (make_caller(UUID(int=first + 1)), Facts(Policy(sandbox=True), NOW, book))
        try:
            decision = move.decide(*facts)
        except InsufficientFunds:
            assert kind != "top_up"
            assert available < amount
            continue
        assert kind == "top_up" or available >= amount
        posting.post(uuid4(), decision.legs, NOW)
        assert all(account.balance - account.held >= -account.overdraft_limit for account in accounts)
    deltas = sum((Decimal(delta["amount"]) for delta in posting.system_deltas), Decimal(0))
    assert sum(account.balance for account in accounts) + deltas == sum(opening)
    for account, begun in zip(accounts, opening, strict=True):
        own = [entry for entry in posting.entries if entry["account_id"] == str(account.id)]
        assert [entry["entry_number"] for entry in own] == list(range(1, len(own) + 1))
        running = begun
        for entry in own:
            running += Decimal(str(entry["amount"]))
            assert entry["balance_after"] == str(running)
