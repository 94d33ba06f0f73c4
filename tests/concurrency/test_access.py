"""Taking access away, while the one who has it moves money."""

from concurrent.futures import ThreadPoolExecutor

from flask import Flask

from tests.people import make_person
from tests.raw_sql import connect, query, wait_for_lock
from wallet_app.identity.permissions import Role


def test_access_is_taken_away_only_between_moves(fresh_app: Flask) -> None:
    """Moves read access under the account's lock. What is answered after a revocation moves no money with it."""
    admin = make_person(fresh_app, Role.ADMIN)
    owner, operator = make_person(fresh_app, balance="10"), make_person(fresh_app)
    path = f"/users/{operator.id}/accounts"
    granted = admin.post(path, {"account_id": str(owner.account_id), "access": "operator"})
    assert granted.status_code == 201
    with connect(fresh_app) as move, ThreadPoolExecutor(1) as pool:
        query(move, "SELECT FROM accounts WHERE id = %(id)s FOR NO KEY UPDATE", {"id": owner.account_id})
        revoking = pool.submit(admin.delete, f"{path}/{owner.account_id}")
        wait_for_lock(fresh_app)
        assert not revoking.done()
        move.rollback()
        assert revoking.result(10).status_code == 204
    body = {
        "type": "transfer",
        "source_account_id": str(owner.account_id),
        "destination_account_id": str(operator.account_id),
        "amount": "1.00",
        "currency": "USD",
    }
    assert operator.post("/transactions", body).status_code == 404
