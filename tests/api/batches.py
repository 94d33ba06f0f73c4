"""Sending batches, and what their answers must look like."""

from typing import Any

from tests.api.calling import expect_problem
from tests.people import Person

PATH = "/transactions/batch"
BODY_LIMIT = 4 * 1024 * 1024
MODES = ("atomic", "independent")


def item(recipient: Person, key: str, amount: Any = "10", **fields: Any) -> dict[str, Any]:
    to = {"type": "transfer", "destination_account_id": str(recipient.account_id)}
    return {"idempotency_key": key, **to, "amount": amount, "currency": "USD", **fields}


def send(person: Person, mode: str, items: Any, *, key: str | None = None) -> Any:
    return person.post(PATH, {"mode": mode, "items": items}, key=key)


def list_statuses(answer: Any) -> list[int]:
    """The status of each result, which must all be there and in order."""
    assert answer.status_code == 200, answer.text
    results = answer.json["results"]
    assert [result["index"] for result in results] == list(range(len(results)))
    for result in results:
        member = "transaction" if result["status"] < 400 else "error"
        assert set(result) == {"index", "status", member}
        assert member == "transaction" or result["error"]["status"] == result["status"]
    return [result["status"] for result in results]


def list_errors(answer: Any) -> list[str | None]:
    list_statuses(answer)
    return [result["error"]["code"] if "error" in result else None for result in answer.json["results"]]


def expect_refused_batch(answer: Any, index: int, code: str) -> dict[str, Any]:
    details = expect_problem(answer, 422, "BATCH_REFUSED")["details"]
    assert set(details) == {"index", "error"}
    error: dict[str, Any] = details["error"]
    assert (details["index"], error["code"], error["instance"]) == (index, code, "/api/v1/transactions/batch")
    assert set(error) == set(answer.json)
    return error


def count_transfers(person: Person) -> int:
    return len(person.get("/transactions?type=transfer").json["data"])
