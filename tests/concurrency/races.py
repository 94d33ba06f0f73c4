"""Races over HTTP. Each says in sentences what went wrong; an empty list is what we want."""

from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from flask import Flask

from tests.concurrency.racing import Site, at, read_balances, send
from tests.people import PASSWORD
from wallet_app.identity.permissions import Role


def list_statuses(answers: list[Any]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


def compare(what: str, found: object, *wanted: object) -> list[str]:
    return [] if found in wanted else [f"{what}: {found}, expected {' or '.join(map(str, wanted))}"]


def race_for_the_last_hundred(site: Site) -> list[str]:
    """Two transfers of 100 on a balance of 100: one is made."""
    ana, bo = site.make_person(balance="100"), site.make_person()
    answers = site.race(send(ana, bo, "100"), send(ana, bo, "100"))
    return [
        *compare("statuses", list_statuses(answers), [201, 422]),
        *compare("balances", read_balances(ana, bo), ["0.00", "100.00"]),
    ]


def race_into_two_accounts(site: Site) -> list[str]:
    """As above, to two recipients: nothing but the sender's own row orders them."""
    ana, bo, cy = site.make_person(balance="100"), site.make_person(), site.make_person()
    answers = site.race(send(ana, bo, "100"), send(ana, cy, "100"))
    return [
        *compare("statuses", list_statuses(answers), [201, 422]),
        *compare("balances", sorted(read_balances(ana, bo, cy)), ["0.00", "0.00", "100.00"]),
    ]


def race_top_ups(site: Site, count: int = 8) -> list[str]:
    """Top-ups of one account at the same moment: none is lost."""
    ana = site.make_person()
    body = {"type": "top_up", "account_id": str(ana.account_id), "amount": "10.00", "currency": "USD"}
    answers = site.race(*[lambda app: at(ana, app).post("/transactions", body)] * count)
    return [
        *compare("statuses", list_statuses(answers), [201] * count),
        *compare("balance", ana.read_balance(), f"{count}0.00"),
    ]


def race_one_key(site: Site, count: int = 20) -> list[str]:
    """Identical requests with one key: one transaction, and every other answer replays it, or is 409."""
    ana, bo = site.make_person(balance="100"), site.make_person()
    answers = site.race(*[send(ana, bo, "10", key="only-once")] * count)
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


def race_one_key_with_two_bodies(site: Site) -> list[str]:
    """One of the bodies is carried out, the other refused."""
    ana, bo = site.make_person(balance="100"), site.make_person()
    answers = site.race(send(ana, bo, "10", key="k"), send(ana, bo, "20", key="k"))
    made = [answer.json["amount"] for answer in answers if answer.status_code == 201]
    return [
        *compare("statuses", list_statuses(answers), [201, 422]),
        *compare("balance", [bo.read_balance()], made),
    ]


def race_batches(site: Site, count: int = 6) -> list[str]:
    """The same items in batches of other orders, some under a key of their own: each item is made once."""
    ana, bo = site.make_person(balance="100"), site.make_person()
    to = {"type": "transfer", "destination_account_id": str(bo.account_id), "currency": "USD"}
    items = [{**to, "idempotency_key": f"k-{number}", "amount": "1"} for number in range(10)]

    def send_batch(number: int) -> Callable[[Flask], Any]:
        body = {"mode": ("atomic", "independent")[number % 2], "items": items[:: -1 if number % 3 else 1]}
        key = f"whole-{number}" if number % 2 else None
        return lambda app: at(ana, app).post("/transactions/batch", body, key=key)

    answers = site.race(*[send_batch(number) for number in range(count)])
    made = {
        result.get("transaction", {}).get("id")
        for answer in answers
        if answer.status_code == 200
        for result in answer.json["results"]
    }
    return [
        *compare("statuses", set(list_statuses(answers)) - {200, 409}, set()),
        *compare("transactions", len(made), len(items)),
        *compare("balances", read_balances(ana, bo), ["90.00", "10.00"]),
    ]


def race_opposing(site: Site, count: int = 200, lanes: int = 4) -> list[str]:
    """A to B and B to A, again and again: all are made, and the total stays."""
    ana, bo = site.make_person(balance="100"), site.make_person(balance="100")

    def send_many(call: Callable[[Flask], Any]) -> Callable[[Flask], Counter[int]]:
        return lambda app: Counter(call(app).status_code for _ in range(count // lanes))

    there, back = send_many(send(ana, bo, "0.01")), send_many(send(bo, ana, "0.01"))
    statuses: Counter[int] = sum(site.race(*[there, back] * lanes), Counter())
    return [
        *compare("statuses", dict(statuses), {201: 2 * count}),
        *compare("balances", read_balances(ana, bo), ["100.00", "100.00"]),
    ]


def race_ring(site: Site, count: int = 30) -> list[str]:
    """A to B, B to C, C to A: locks taken sender first would deadlock in a circle."""
    people = [site.make_person(balance="100") for _ in range(3)]

    def send_many(position: int) -> Callable[[Flask], Counter[int]]:
        call = send(people[position], people[(position + 1) % 3], "0.01")
        return lambda app: Counter(call(app).status_code for _ in range(count))

    statuses: Counter[int] = sum(site.race(*[send_many(position) for position in range(3)] * 2), Counter())
    return [
        *compare("statuses", dict(statuses), {201: 6 * count}),
        *compare("balances", read_balances(*people), ["100.00"] * 3),
    ]


def race_reversals(site: Site) -> list[str]:
    """The recipient and operations take the same transfer back: one of them does."""
    ana, bo, operations = site.make_person(balance="100"), site.make_person(), site.make_person(Role.OPERATIONS)
    path = f"/transactions/{send(ana, bo, '100')(site.apps[0]).json['id']}/reversal"
    answers = site.race(lambda app: at(bo, app).post(path, {}), lambda app: at(operations, app).post(path, {}))
    return [
        *compare("statuses", list_statuses(answers), [201, 409]),
        *compare("balances", read_balances(ana, bo), ["100.00", "0.00"]),
    ]


def race_reversal_and_spending(site: Site) -> list[str]:
    """The recipient spends what operations take back: one of the two happens."""
    ana, bo, cy = site.make_person(balance="100"), site.make_person(), site.make_person()
    operations = site.make_person(Role.OPERATIONS)
    path = f"/transactions/{send(ana, bo, '100')(site.apps[0]).json['id']}/reversal"
    answers = site.race(lambda app: at(operations, app).post(path, {}), send(bo, cy, "100"))
    return [
        *compare("statuses", list_statuses(answers), [201, 422]),
        *compare("balances", read_balances(ana, bo, cy), ["100.00", "0.00", "0.00"], ["0.00", "0.00", "100.00"]),
    ]


def race_freeze(site: Site) -> list[str]:
    """Once a freeze is answered, no money goes out any more, not even of a transfer that began before."""
    ana, bo, operations = site.make_person(balance="100"), site.make_person(), site.make_person(Role.OPERATIONS)

    def freeze(app: Flask) -> tuple[Any, str]:
        answer = at(operations, app).post(f"/accounts/{ana.account_id}/freeze", {"scope": "debit", "reason": "a race"})
        return answer, ana.read_balance()

    answer, (frozen, balance_when_frozen) = site.race(send(ana, bo, "100"), freeze)
    return [
        *compare("statuses", (answer.status_code, frozen.status_code), (201, 200), (422, 200)),
        *compare("balance since the freeze", ana.read_balance(), balance_when_frozen),
        *compare("balance", ana.read_balance(), "0.00" if answer.status_code == 201 else "100.00"),
    ]


def race_close(site: Site) -> list[str]:
    """An empty account is closed while money comes in: it is closed without money, or open with it."""
    ana, bo, admin = site.make_person(balance="100"), site.make_person(), site.make_person(Role.ADMIN)
    sent, closed = site.race(send(ana, bo, "100"), lambda app: at(admin, app).delete(f"/accounts/{bo.account_id}"))
    return [
        *compare("statuses", (sent.status_code, closed.status_code), (201, 409), (422, 204)),
        *compare("balance", ana.read_balance(), "0.00" if sent.status_code == 201 else "100.00"),
    ]


def race_overdraft(site: Site) -> list[str]:
    """A limit is lowered while it is being used: one of the two happens."""
    ana, bo, operations = site.make_person(), site.make_person(), site.make_person(Role.OPERATIONS)
    path = f"/accounts/{ana.account_id}"
    operations.patch(path, {"overdraft_limit": "100.00"}, headers={"If-Match": '"1"'})
    sent, lowered = site.race(
        send(ana, bo, "100"),
        lambda app: at(operations, app).patch(path, {"overdraft_limit": "0"}, headers={"If-Match": '"2"'}),
    )
    return [
        *compare("statuses", (sent.status_code, lowered.status_code), (201, 422), (422, 200)),
        *compare("balance", ana.read_balance(), "-100.00" if sent.status_code == 201 else "0.00"),
    ]


def race_suspension(site: Site) -> list[str]:
    """Once a suspension is answered, an operator of the suspended person's account moves nothing any more."""
    ana, bo, admin = site.make_person(balance="100"), site.make_person(), site.make_person(Role.ADMIN)
    admin.post(f"/users/{bo.id}/accounts", {"account_id": str(ana.account_id), "access": "operator"})
    body = {
        "type": "transfer",
        "source_account_id": str(ana.account_id),
        "destination_account_id": str(bo.account_id),
        "amount": "100.00",
        "currency": "USD",
    }

    def suspend(app: Flask) -> tuple[Any, str]:
        return at(admin, app).post(f"/users/{ana.id}/suspend", {"reason": "a race"}), ana.read_balance()

    sent, (suspended, balance_then) = site.race(lambda app: at(bo, app).post("/transactions", body), suspend)
    return [
        *compare("statuses", (sent.status_code, suspended.status_code), (201, 200), (422, 200)),
        *compare("balance since the suspension", ana.read_balance(), balance_then),
    ]


def race_suspensions(site: Site) -> list[str]:
    """Two members of staff suspend, and then reactivate, the same person: one of them does, and one event tells it."""
    ana = site.make_person()
    staff = [site.make_person(Role.OPERATIONS), site.make_person(Role.ADMIN)]
    found = []
    for action in ("suspend", "reactivate"):
        path = f"/users/{ana.id}/{action}"
        answers = site.race(
            *[lambda app, one=one, path=path: at(one, app).post(path, {"reason": "a race"}) for one in staff]
        )
        found += compare(action, list_statuses(answers), [200, 409])
    return found


def race_settings(site: Site) -> list[str]:
    """Two changes of one version: the second is told so."""
    ana = site.make_person()
    path, headers = f"/accounts/{ana.account_id}", {"If-Match": '"1"'}
    answers = site.race(
        lambda app: at(ana, app).patch(path, {"label": "one"}, headers=headers),
        lambda app: at(ana, app).patch(path, {"label": "two"}, headers=headers),
    )
    return compare("statuses", list_statuses(answers), [200, 412])


def race_registrations(site: Site) -> list[str]:
    """One address in two cases: one person."""
    name = uuid4().hex
    bodies = [
        {"email": email, "password": PASSWORD, "full_name": "Race"}
        for email in (f"{name}@race.example", f"{name.upper()}@Race.Example")
    ]
    answers = site.race(
        *[lambda app, body=body: app.test_client().post("/api/v1/auth/register", json=body) for body in bodies]
    )
    return compare("statuses", list_statuses(answers), [201, 409])


def race_openings(site: Site, count: int = 4) -> list[str]:
    """One account per currency, however often it is asked for."""
    ana = site.make_person()
    answers = site.race(*[lambda app: at(ana, app).post("/accounts", {"currency": "EUR"})] * count)
    accounts = [row for row in ana.get("/accounts").json["data"] if row["currency"] == "EUR"]
    return [
        *compare("statuses", list_statuses(answers), [201] + [409] * (count - 1)),
        *compare("accounts", [row["is_primary"] for row in accounts], [True]),
    ]


def race_first_openings(site: Site) -> list[str]:
    """Two people open the first accounts in a currency, and with them the system's: both get theirs."""
    ana, bo = site.make_person(), site.make_person()
    calls = [
        lambda app, person=person, currency=currency: at(person, app).post("/accounts", {"currency": currency})
        for person, currencies in ((ana, ("CHF", "SEK", "NOK")), (bo, ("NOK", "SEK", "CHF")))
        for currency in currencies
    ]
    return compare("statuses", list_statuses(site.race(*calls)), [201] * 6)


def race_refreshes(site: Site) -> list[str]:
    """A refresh token used twice: one new pair, and then, since one of the two was a thief, none is good any more."""
    ana = site.make_person()
    headers = {"Authorization": f"Bearer {ana.tokens['refresh_token']}"}
    answers = site.race(*[lambda app: app.test_client().post("/api/v1/auth/refresh", headers=headers)] * 2)
    after = [ana.get("/users/me").status_code]
    after += [
        site.apps[0]
        .test_client()
        .get("/api/v1/users/me", headers={"Authorization": f"Bearer {answer.json['access_token']}"})
        .status_code
        for answer in answers
        if answer.status_code == 200
    ]
    return [
        *compare("statuses", list_statuses(answers), [200, 401]),
        *compare("statuses after it", after, [401, 401]),
    ]
