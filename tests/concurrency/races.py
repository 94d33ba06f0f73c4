"""Races over HTTP. Each says in sentences what went wrong; an empty list is what we want."""

from collections import Counter
from typing import Any
from uuid import uuid4

from flask import Flask

from tests.concurrency.racing import race, read_balances, send
from tests.people import PASSWORD, make_person
from wallet_app.identity.permissions import Role


def list_statuses(answers: list[Any]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


def compare(what: str, found: object, *wanted: object) -> list[str]:
    return [] if found in wanted else [f"{what}: {found}, expected {' or '.join(map(str, wanted))}"]


def race_for_the_last_hundred(app: Flask) -> list[str]:
    """Two transfers of 100 on a balance of 100: one is made."""
    ana, bo = make_person(app, balance="100"), make_person(app)
    answers = race(send(ana, bo, "100"), send(ana, bo, "100"))
    return [
        *compare("statuses", list_statuses(answers), [201, 422]),
        *compare("balances", read_balances(ana, bo), ["0.00", "100.00"]),
    ]


def race_into_two_accounts(app: Flask) -> list[str]:
    """As above, to two recipients: nothing but the sender's own row orders them."""
    ana, bo, cy = make_person(app, balance="100"), make_person(app), make_person(app)
    answers = race(send(ana, bo, "100"), send(ana, cy, "100"))
    return [
        *compare("statuses", list_statuses(answers), [201, 422]),
        *compare("balances", sorted(read_balances(ana, bo, cy)), ["0.00", "0.00", "100.00"]),
    ]


def race_top_ups(app: Flask, count: int = 8) -> list[str]:
    """Top-ups of one account at the same moment: none is lost."""
    ana = make_person(app)
    body = {"type": "top_up", "account_id": str(ana.account_id), "amount": "10.00", "currency": "USD"}
    answers = race(*[lambda: ana.post("/transactions", body)] * count)
    return [
        *compare("statuses", list_statuses(answers), [201] * count),
        *compare("balance", ana.read_balance(), f"{count}0.00"),
    ]


def race_one_key(app: Flask, count: int = 20) -> list[str]:
    """Identical requests with one key: one transaction, and every other answer replays it, or is 409."""
    ana, bo = make_person(app, balance="100"), make_person(app)
    answers = race(*[send(ana, bo, "10", key="only-once")] * count)
    made = [answer for answer in answers if answer.status_code == 201]
    first = [answer for answer in made if "Idempotency-Replayed" not in answer.headers]
    listed = ana.get("/transactions?type=transfer").json["data"]
    return [
        *compare("made", len(first), 1),
        *compare("different answers", len({answer.data for answer in made}), 1),
        *compare("other statuses", set(list_statuses(answers)) - {201, 409}, set()),
        *compare("transactions", [row["id"] for row in listed], [made[0].json["id"]] if made else []),
        *compare("balances", read_balances(ana, bo), ["90.00", "10.00"]),
    ]


def race_one_key_with_two_bodies(app: Flask) -> list[str]:
    """One of the bodies is carried out, the other refused."""
    ana, bo = make_person(app, balance="100"), make_person(app)
    answers = race(send(ana, bo, "10", key="k"), send(ana, bo, "20", key="k"))
    made = [answer.json["amount"] for answer in answers if answer.status_code == 201]
    return [
        *compare("statuses", list_statuses(answers), [201, 422]),
        *compare("balance", [bo.read_balance()], made),
    ]


def race_opposing(app: Flask, count: int = 200, lanes: int = 4) -> list[str]:
    """A to B and B to A, again and again: all are made, and the total stays."""
    ana, bo = make_person(app, balance="100"), make_person(app, balance="100")

    def send_many(sender: Any, recipient: Any) -> Counter[int]:
        return Counter(send(sender, recipient, "0.01")().status_code for _ in range(count // lanes))

    there, back = (lambda: send_many(ana, bo)), (lambda: send_many(bo, ana))
    statuses: Counter[int] = sum(race(*[there, back] * lanes), Counter())
    return [
        *compare("statuses", dict(statuses), {201: 2 * count}),
        *compare("balances", read_balances(ana, bo), ["100.00", "100.00"]),
    ]


def race_ring(app: Flask, count: int = 30) -> list[str]:
    """A to B, B to C, C to A: locks taken sender first would deadlock in a circle."""
    people = [make_person(app, balance="100") for _ in range(3)]

    def send_many(position: int) -> Counter[int]:
        call = send(people[position], people[(position + 1) % 3], "0.01")
        return Counter(call().status_code for _ in range(count))

    statuses: Counter[int] = sum(
        race(*[lambda position=position: send_many(position) for position in range(3)] * 2), Counter()
    )
    return [
        *compare("statuses", dict(statuses), {201: 6 * count}),
        *compare("balances", read_balances(*people), ["100.00"] * 3),
    ]


def race_reversals(app: Flask) -> list[str]:
    """The recipient and operations take the same transfer back: one of them does."""
    ana, bo, operations = make_person(app, balance="100"), make_person(app), make_person(app, Role.OPERATIONS)
    path = f"/transactions/{send(ana, bo, '100')().json['id']}/reversal"
    answers = race(lambda: bo.post(path, {}), lambda: operations.post(path, {}))
    return [
        *compare("statuses", list_statuses(answers), [201, 409]),
        *compare("balances", read_balances(ana, bo), ["100.00", "0.00"]),
    ]


def race_reversal_and_spending(app: Flask) -> list[str]:
    """The recipient spends what operations take back: one of the two happens."""
    ana, bo, cy = make_person(app, balance="100"), make_person(app), make_person(app)
    operations = make_person(app, Role.OPERATIONS)
    path = f"/transactions/{send(ana, bo, '100')().json['id']}/reversal"
    answers = race(lambda: operations.post(path, {}), send(bo, cy, "100"))
    return [
        *compare("statuses", list_statuses(answers), [201, 422]),
        *compare("balances", read_balances(ana, bo, cy), ["100.00", "0.00", "0.00"], ["0.00", "0.00", "100.00"]),
    ]


def race_freeze(app: Flask) -> list[str]:
    """Once a freeze is answered, no money goes out any more, not even of a transfer that began before."""
    ana, bo, operations = make_person(app, balance="100"), make_person(app), make_person(app, Role.OPERATIONS)

    def freeze() -> tuple[Any, str]:
        answer = operations.post(f"/accounts/{ana.account_id}/freeze", {"scope": "debit", "reason": "a race"})
        return answer, ana.read_balance()

    answer, (frozen, balance_when_frozen) = race(send(ana, bo, "100"), freeze)
    return [
        *compare("statuses", (answer.status_code, frozen.status_code), (201, 200), (422, 200)),
        *compare("balance since the freeze", ana.read_balance(), balance_when_frozen),
        *compare("balance", ana.read_balance(), "0.00" if answer.status_code == 201 else "100.00"),
    ]


def race_close(app: Flask) -> list[str]:
    """An empty account is closed while money comes in: it is closed without money, or open with it."""
    ana, bo, admin = make_person(app, balance="100"), make_person(app), make_person(app, Role.ADMIN)
    sent, closed = race(send(ana, bo, "100"), lambda: admin.delete(f"/accounts/{bo.account_id}"))
    return [
        *compare("statuses", (sent.status_code, closed.status_code), (201, 409), (422, 204)),
        *compare("balance", ana.read_balance(), "0.00" if sent.status_code == 201 else "100.00"),
    ]


def race_overdraft(app: Flask) -> list[str]:
    """A limit is lowered while it is being used: one of the two happens."""
    ana, bo, operations = make_person(app), make_person(app), make_person(app, Role.OPERATIONS)
    path = f"/accounts/{ana.account_id}"
    operations.patch(path, {"overdraft_limit": "100.00"}, headers={"If-Match": '"1"'})
    sent, lowered = race(
        send(ana, bo, "100"),
        lambda: operations.patch(path, {"overdraft_limit": "0"}, headers={"If-Match": '"2"'}),
    )
    return [
        *compare("statuses", (sent.status_code, lowered.status_code), (201, 422), (422, 200)),
        *compare("balance", ana.read_balance(), "-100.00" if sent.status_code == 201 else "0.00"),
    ]


def race_suspension(app: Flask) -> list[str]:
    """Once a suspension is answered, an operator of the suspended person's account moves nothing any more."""
    ana, bo, admin = make_person(app, balance="100"), make_person(app), make_person(app, Role.ADMIN)
    admin.post(f"/users/{bo.id}/accounts", {"account_id": str(ana.account_id), "access": "operator"})
    body = {
        "type": "transfer",
        "source_account_id": str(ana.account_id),
        "destination_account_id": str(bo.account_id),
        "amount": "100.00",
        "currency": "USD",
    }

    def suspend() -> tuple[Any, str]:
        return admin.post(f"/users/{ana.id}/suspend", {"reason": "a race"}), ana.read_balance()

    sent, (suspended, balance_then) = race(lambda: bo.post("/transactions", body), suspend)
    return [
        *compare("statuses", (sent.status_code, suspended.status_code), (201, 200), (422, 200)),
        *compare("balance since the suspension", ana.read_balance(), balance_then),
    ]


def race_settings(app: Flask) -> list[str]:
    """Two changes of one version: the second is told so."""
    ana = make_person(app)
    path, headers = f"/accounts/{ana.account_id}", {"If-Match": '"1"'}
    answers = race(
        lambda: ana.patch(path, {"label": "one"}, headers=headers),
        lambda: ana.patch(path, {"label": "two"}, headers=headers),
    )
    return compare("statuses", list_statuses(answers), [200, 412])


def race_registrations(app: Flask) -> list[str]:
    """One address in two cases: one person."""
    name = uuid4().hex
    client = app.test_client
    bodies = [
        {"email": email, "password": PASSWORD, "full_name": "Race"}
        for email in (f"{name}@race.example", f"{name.upper()}@Race.Example")
    ]
    answers = race(*[lambda body=body: client().post("/api/v1/auth/register", json=body) for body in bodies])
    return compare("statuses", list_statuses(answers), [201, 409])


def race_openings(app: Flask, count: int = 4) -> list[str]:
    """One account per currency, however often it is asked for."""
    ana = make_person(app)
    answers = race(*[lambda: ana.post("/accounts", {"currency": "EUR"})] * count)
    accounts = [row for row in ana.get("/accounts").json["data"] if row["currency"] == "EUR"]
    return [
        *compare("statuses", list_statuses(answers), [201] + [409] * (count - 1)),
        *compare("accounts", [row["is_primary"] for row in accounts], [True]),
    ]


def race_first_openings(app: Flask) -> list[str]:
    """Two people open the first accounts in a currency, and with them the system's: both get theirs."""
    ana, bo = make_person(app), make_person(app)
    calls = [
        lambda person=person, currency=currency: person.post("/accounts", {"currency": currency})
        for person, currencies in ((ana, ("CHF", "SEK", "NOK")), (bo, ("NOK", "SEK", "CHF")))
        for currency in currencies
    ]
    return compare("statuses", list_statuses(race(*calls)), [201] * 6)


def race_refreshes(app: Flask) -> list[str]:
    """A refresh token used twice: one new pair, and then, since one of the two was a thief, none is good any more."""
    ana = make_person(app)
    headers = {"Authorization": f"Bearer {ana.tokens['refresh_token']}"}
    answers = race(*[lambda: app.test_client().post("/api/v1/auth/refresh", headers=headers)] * 2)
    after = [ana.get("/users/me").status_code]
    after += [
        app.test_client()
        .get("/api/v1/users/me", headers={"Authorization": f"Bearer {answer.json['access_token']}"})
        .status_code
        for answer in answers
        if answer.status_code == 200
    ]
    return [
        *compare("statuses", list_statuses(answers), [200, 401]),
        *compare("statuses after it", after, [401, 401]),
    ]
