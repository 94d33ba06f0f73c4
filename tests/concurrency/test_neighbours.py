"""Moves that share a process share no fate: what one waits for, or dies of, the others do not feel."""

from concurrent.futures import ThreadPoolExecutor

from flask import Flask

from tests.concurrency.racing import Site, send
from tests.people import make_person
from tests.raw_sql import connect, query, wait_for_lock

LOCK = "SELECT 1 FROM accounts WHERE id = %(id)s FOR UPDATE"


def test_a_move_that_waits_for_a_lock_does_not_hold_up_others_for_long(fresh_app: Flask) -> None:
    """Somebody keeps Bo's account locked. Moves that touch neither Bo nor each other go on meanwhile."""
    ana, bo, cy, di = (make_person(fresh_app, balance="10") for _ in range(4))
    with connect(fresh_app) as other, ThreadPoolExecutor(1) as pool:
        query(other, LOCK, {"id": bo.account_id})
        waiting = pool.submit(send(ana, bo, "1"), fresh_app)
        wait_for_lock(fresh_app)
        statuses = [send(cy, di, "1")(fresh_app).status_code for _ in range(3)]
        assert not waiting.done(), "it gave up after lock_timeout: the others had to wait for that"
        other.rollback()
        assert waiting.result(10).status_code == 201
    assert statuses == [201] * 3


def test_a_list_with_a_fault_in_it_is_made_move_by_move(fresh_app: Flask) -> None:
    """A fault that the code can't foresee (here: a constraint of one account) fails that move, and no other."""
    people = [make_person(fresh_app, balance="10") for _ in range(6)]
    marked, other = people[0], people[1]
    with connect(fresh_app) as connection:
        query(
            connection,
            f"ALTER TABLE accounts ADD CONSTRAINT unforeseen CHECK (id <> '{marked.account_id}' OR balance = 10)",
        )
        connection.commit()

    def send_marked(app: Flask) -> int:
        try:
            return int(send(marked, other, "1")(app).status_code)
        except AssertionError:  # 500 is not described
            return 500

    for _ in range(3):
        calls = [lambda app, one=one: send(one, other, "1")(app).status_code for one in people[2:]]
        assert Site([fresh_app]).race(send_marked, *calls) == [500, 201, 201, 201, 201]
    assert other.read_balance() == "22.00"
