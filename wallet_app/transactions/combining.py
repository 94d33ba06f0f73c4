"""Combining: single moves that arrive while others are being made are made together, as one list.

A list of eight moves costs the database little more than a list of one, and holds the lock of a busy account once
instead of eight times. Nothing ever waits for company: a move that finds nobody at work is made at once, alone. Who
finds a list under way in this process waits for its end, a quarter of a second at most, and then goes alone beside
it; at its end the first of those waiting makes the moves of all.

Whoever shares a list shares no fate: a list that fails is rolled back whole, and each of its moves is made alone.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from wallet_app.errors import Unavailable
from wallet_app.transactions.idempotency import KeyName
from wallet_app.transactions.moves import Policy
from wallet_app.transactions.pipeline import Order, Result, execute_orders
from wallet_app.uow import is_rolled_back

LONGEST_LIST = 32
# One move whose lock is taken elsewhere must not hold up its neighbours for long: the list gives up soon, and each of
# its moves is then made alone, with all the patience of a lone one.
SHARED_LOCK_TIMEOUT_MS = 250
# Nor may a lone move that waits for its lock: who has waited so long for its end goes alone, beside it.
PATIENCE_S = 0.25

Run = Callable[[Sequence[Order]], list[Result]]


@dataclass(slots=True, eq=False)
class _Waiting:
    """One thread's move. ``turn`` is set when the result is there, the thread must run alone, or must lead."""

    order: Order
    turn: threading.Event = field(default_factory=threading.Event)
    leads: bool = False
    runs_alone: bool = False
    result: Result | None = None
    error: BaseException = field(default_factory=Unavailable)


def make_combiner(policy: Policy) -> "Combiner":
    """The combiner of a process that serves requests under ``policy``."""

    def run(orders: Sequence[Order]) -> list[Result]:
        return execute_orders(
            orders, policy=policy, lock_timeout_ms=SHARED_LOCK_TIMEOUT_MS if len(orders) > 1 else None
        )

    return Combiner(run)


class Combiner:
    """Makes single, independent moves through ``run``, together where they meet. One per process, for all threads."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._at_work = False

    def make(self, order: Order) -> Result:
        """Make one move; returns and raises what ``run`` would for it alone."""
        own = _Waiting(order)
        with self._lock:
            self._waiting.append(own)
            own.leads = not self._at_work
            self._at_work = True
        if not own.leads and not own.turn.wait(PATIENCE_S):
            self._withdraw(own)
            own.turn.wait()
        if own.leads:
            self._lead(own)
        if own.runs_alone:
            return self._run([order])[0]
        if own.result is None:
            raise own.error
        return own.result

    def _withdraw(self, own: _Waiting) -> None:
        """Let a move that nobody has taken yet be made alone: what is under way takes too long."""
        with self._lock:
            if own in self._waiting and not own.leads:
                self._waiting.remove(own)
                own.runs_alone = True
                own.turn.set()

    def _lead(self, own: _Waiting) -> None:
        together = self._take(own)
        try:
            self._make_together(together)
        finally:
            self._hand_on()
            for waiting in together:
                waiting.turn.set()

    def _take(self, own: _Waiting) -> list[_Waiting]:
        """The leader's move and those waiting, but of equal keys only the first: the others must find its answer."""
        with self._lock:
            taken: list[_Waiting] = []
            left: list[_Waiting] = []
            names: set[KeyName | None] = set()
            for waiting in [own, *(other for other in self._waiting if other is not own)]:
                name = waiting.order.key_name
                if len(taken) < LONGEST_LIST and (name is None or name not in names):
                    names.add(name)
                    taken.append(waiting)
                else:
                    left.append(waiting)
            self._waiting = left
        return taken

    def _make_together(self, together: list[_Waiting]) -> None:
        try:
            results = self._run([waiting.order for waiting in together])
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the threads that asked
            if len(together) == 1:
                together[0].error = error
            elif is_rolled_back(error):
                for waiting in together:
                    waiting.runs_alone = True
            # Else the database perhaps went away in the middle of the commit: nobody may simply try again.
        else:
            for waiting, result in zip(together, results, strict=True):
                waiting.result = result

    def _hand_on(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting[0].leads = True
                self._waiting[0].turn.set()
            else:
                self._at_work = False
