"""Single moves that meet are made as one list; whoever shares a list shares no fate."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, cast
from uuid import UUID

import pytest
from sqlalchemy.exc import OperationalError

from wallet_app.errors import Unavailable
from wallet_app.identity.caller import Caller
from wallet_app.identity.permissions import Role
from wallet_app.transactions.combining import LONGEST_LIST, Combiner
from wallet_app.transactions.idempotency import IdempotencyKey
from wallet_app.transactions.pipeline import Order, Result

ANA = Caller(UUID(int=1), Role.CUSTOMER, "active", UUID(int=2))
BO = Caller(UUID(int=3), Role.CUSTOMER, "active", UUID(int=4))


def make_order(name: str, *, caller: Caller = ANA, key: str | None = None) -> Order:
    """An order whose move is just a name."""
    return Order(caller, cast("Any", name), IdempotencyKey(key, name) if key else None, cast("Any", None))


class Maker:
    """Stands for the pipeline: notes each list, and makes the first wait until it is let go."""

    def __init__(self, fail: Callable[[list[str]], Exception | None] = lambda names: None) -> None:
        self.lists: list[list[str]] = []
        self.is_busy = threading.Event()
        self.may_go_on = threading.Event()
        self._fail = fail

    def run(self, orders: Sequence[Order]) -> list[Result]:
        names = [str(order.move) for order in orders]
        self.lists.append(names)
        self.is_busy.set()
        assert self.may_go_on.wait(10)
        error = self._fail(names)
        if error is not None:
            raise error
        return cast("list[Result]", [f"made {name}" for name in names])


def meet(maker: Maker, orders: Sequence[Order]) -> list[Future[Result]]:
    """Let the first order be under way, the others arrive in turn and wait, and then all go on."""
    combiner = Combiner(maker.run)
    with ThreadPoolExecutor(len(orders)) as pool:
        futures = [pool.submit(combiner.make, orders[0])]
        assert maker.is_busy.wait(10)
        for order in orders[1:]:
            waiting = len(combiner._waiting)
            futures.append(pool.submit(combiner.make, order))
            while len(combiner._waiting) == waiting:
                threading.Event().wait(0.001)
        maker.may_go_on.set()
    return futures


def test_what_arrives_meanwhile_is_made_together_in_order() -> None:
    maker = Maker()
    futures = meet(maker, [make_order(name) for name in "abcd"])
    assert maker.lists == [["a"], ["b", "c", "d"]]
    assert [future.result() for future in futures] == ["made a", "made b", "made c", "made d"]


def test_a_lone_move_waits_for_nobody() -> None:
    maker = Maker()
    maker.may_go_on.set()
    combiner = Combiner(maker.run)
    assert [combiner.make(make_order(name)) for name in "ab"] == ["made a", "made b"]
    assert maker.lists == [["a"], ["b"]]


def test_a_list_has_its_bounds() -> None:
    maker = Maker()
    meet(maker, [make_order(str(number)) for number in range(LONGEST_LIST + 3)])
    assert [len(names) for names in maker.lists] == [1, LONGEST_LIST, 2]


def test_equal_keys_of_one_caller_go_one_after_the_other() -> None:
    maker = Maker()
    orders = [make_order("a"), make_order("b", key="k"), make_order("c", key="k"), make_order("d", caller=BO, key="k")]
    meet(maker, orders)
    assert maker.lists == [["a"], ["b", "d"], ["c"]]


def test_a_list_that_fails_is_made_one_by_one_so_that_each_finds_its_own_error() -> None:
    maker = Maker(lambda names: ValueError("c is bad") if "c" in names else None)
    futures = meet(maker, [make_order(name) for name in "abcd"])
    assert maker.lists[:2] == [["a"], ["b", "c", "d"]]
    assert sorted(maker.lists[2:]) == [["b"], ["c"], ["d"]]
    assert [futures[index].result() for index in (0, 1, 3)] == ["made a", "made b", "made d"]
    with pytest.raises(ValueError, match="c is bad"):
        futures[2].result()


def lose_connection() -> Unavailable:
    error = Unavailable()
    error.__cause__ = OperationalError("COMMIT", None, Exception("server closed the connection"))
    return error


def test_a_list_whose_fate_is_unknown_is_not_made_again() -> None:
    maker = Maker(lambda names: lose_connection() if "b" in names else None)
    futures = meet(maker, [make_order(name) for name in "abc"])
    assert maker.lists == [["a"], ["b", "c"]]
    for future in futures[1:]:
        with pytest.raises(Unavailable):
            future.result()


def test_a_worker_that_is_told_to_stop_leaves_nobody_waiting() -> None:
    class Stop(BaseException):
        pass

    maker = Maker(lambda names: cast("Exception", Stop()) if "b" in names else None)
    futures = meet(maker, [make_order(name) for name in "abc"])
    assert isinstance(futures[1].exception(), Stop)
    with pytest.raises(Unavailable):
        futures[2].result()
