"""One customer's three months: which days there are, and what they do with their money on them."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from wallet_app.clock import get_timezone, local_date
from wallet_app.demo.events import OPERATIONS, Event, Purse
from wallet_app.demo.people import Customer
from wallet_app.demo.prices import SCALES, choose_cash, choose_near, choose_price, round_to_step

SHARED = (
    "Dinner", "Groceries we shared", "Taxi home", "Concert tickets", "Cinema", "Coffee and cake", "Petrol",
    "Weekend trip", "Museum", "Pizza night", "Train tickets", "Board game", "Flowers for the hospital",
)  # fmt: skip
OCCASIONS = ("For the new flat", "For the little one", "Thank you for everything", "Congratulations!", "Good luck!")
PAYDAY = 25


class Diary:
    """Writes one customer's events between two moments. The same customer and moments give the same events."""

    def __init__(self, customer: Customer, everybody: Mapping[str, Customer], start: datetime, end: datetime) -> None:
        self._customer = customer
        self._everybody = everybody
        self._zone = get_timezone(customer.timezone)
        self._random = Random(f"demo {customer.name}")  # noqa: S311 - a story that is the same each time, not a secret
        self._currency = customer.currencies[0]
        self._purse = Purse(customer.name, self._currency)
        self._joined = start + timedelta(days=customer.joined)
        first = local_date(self._joined, customer.timezone)
        self._days = [first + timedelta(days=n) for n in range((local_date(end, customer.timezone) - first).days + 1)]

    def write(self) -> Iterator[Event]:
        """Everything this customer does, in no order."""
        yield from self._begin()
        yield from self._earn()
        yield from self._pay_bills()
        yield from self._save()
        yield from self._spend()
        yield from self._give()

    def _begin(self) -> Iterator[Event]:
        """Money to begin with, in each currency."""
        customer = self._customer
        income = customer.wage or (customer.takings or Decimal(0)) * 4
        at = self._joined + timedelta(minutes=self._random.randint(20, 90))
        amount = round_to_step(income * Decimal("0.8"), SCALES[self._currency].note)
        yield self._top_up(at, "opening", amount, self._currency, "First deposit")
        for currency in customer.currencies[1:]:
            for day in self._days[2::29]:
                amount = choose_cash(self._random, currency, 6, 12)
                yield self._top_up(self._moment(day, 8, 20), "card", amount, currency, f"From my bank, in {currency}")

    def _earn(self) -> Iterator[Event]:
        customer = self._customer
        if customer.takings:
            for day in self._days:
                if day.weekday() == 0:
                    amount = choose_near(self._random, self._currency, customer.takings, 0.2)
                    week = f"week {day.isocalendar().week}"
                    yield self._top_up(self._moment(day, 7, 9), "takings", amount, self._currency, f"Takings, {week}")
        if customer.wage:
            for day in self._list_paydays():
                yield self._wage(day, customer.wage)

    def _wage(self, day: date, wage: Decimal) -> Event:
        """All wages of a day come at one moment, as payrolls do: at 06:00 UTC from outside, at 07:00 from customers."""
        employer = self._everybody.get(self._customer.employer)
        description = f"Wage for {day:%B}"
        if employer is None:
            at = datetime.combine(day, time(6), UTC)
            return self._top_up(at, "wage", wage, self._currency, f"{description}, {self._customer.employer}")
        at = datetime.combine(day, time(7), UTC)
        return self._transfer(at, "wage", wage, Purse(employer.name, self._currency), self._purse, description)

    def _list_paydays(self) -> Iterator[date]:
        """The 25th, or the Friday before where that is at a weekend."""
        for day in self._days:
            if day.day == PAYDAY:
                yield day - timedelta(days=max(0, day.weekday() - 4))

    def _pay_bills(self) -> Iterator[Event]:
        customer, currency = self._customer, self._currency
        for day in self._days:
            month = f"{day:%B}"
            if day.day == 1 and customer.rent:
                yield self._rent(day, customer.rent, f"Rent for {month}")
            if day.day == 5 and not customer.company:
                yield self._withdraw(day, "mobile", choose_price(self._random, currency, 1.4, 1.6), f"Mobile, {month}")
            if day.day == 12 and customer.rent:
                amount = choose_price(self._random, currency, 3, 5)
                yield self._withdraw(day, "energy", amount, f"Electricity and water, {month}")
            if day.day == 28 and customer.takings:
                amount = choose_near(self._random, currency, customer.takings * Decimal("1.4"), 0.2)
                yield self._withdraw(day, "draw", amount, f"Owner's pay, {month}")
            if day.day == 3 and customer.flatmate:
                yield from self._share_flat(day, customer.flatmate, f"Your half of the bills, {month}")

    def _rent(self, day: date, rent: Decimal, description: str) -> Event:
        landlord = self._everybody.get(self._customer.landlord)
        if landlord is None:
            return self._withdraw(day, "rent", rent, f"{description}, {self._customer.landlord}")
        at = self._moment(day, 8, 12)
        return self._transfer(at, "rent", rent, self._purse, Purse(landlord.name, self._currency), description)

    def _share_flat(self, day: date, flatmate: str, description: str) -> Iterator[Event]:
        amount = choose_price(self._random, self._currency, 5, 8)
        at = self._moment(day, 18, 22)
        yield self._transfer(at, "bills", amount, Purse(flatmate, self._currency), self._purse, description)

    def _save(self) -> Iterator[Event]:
        saving = self._customer.saving
        if not saving:
            return
        chest = Purse(self._customer.name, self._currency, is_saving=True)
        for day in self._days:
            if day.day == 27:
                yield self._transfer(self._moment(day, 9, 10), "saving", saving, self._purse, chest, "Put by")
        # Once, something breaks.
        day = self._random.choice(self._days[45:])
        amount = choose_near(self._random, self._currency, saving / 2, 0.1)
        yield self._transfer(
            self._moment(day, 9, 17), "unsaving", amount, chest, self._purse, "For the washing machine"
        )

    def _spend(self) -> Iterator[Event]:
        """Cash every week, and small things with friends and at the shops of other customers."""
        chance = self._random.random
        for day in self._days[1:]:
            if chance() < 0.13:
                amount = choose_cash(self._random, self._currency, 1, 4)
                yield self._withdraw(day, "cash", amount, f"Cash, {self._customer.town}")
            if self._customer.company:
                if chance() < 0.12:
                    order = f"Supplies, order {self._random.randint(1100, 9800)}"
                    yield self._withdraw(day, "supplies", choose_price(self._random, self._currency, 8, 22), order)
                continue
            if chance() < 0.22:
                yield from self._go_out(day)
            if chance() < 0.18:
                yield from self._shop(day)

    def _go_out(self, day: date) -> Iterator[Event]:
        """A friend paid for both; this customer pays their share."""
        friend = self._everybody[self._random.choice(self._customer.friends)]
        currency = self._find_common_currency(friend)
        if currency is not None:
            amount = choose_price(self._random, currency, 0.4, 2.8)
            source, destination = Purse(self._customer.name, currency), Purse(friend.name, currency)
            description = self._random.choice(SHARED)
            yield self._transfer(self._moment(day, 17, 23), "share", amount, source, destination, description)

    def _shop(self, day: date) -> Iterator[Event]:
        shops = [
            person
            for person in self._everybody.values()
            if person.offer and person.currencies[0] == self._currency and person.name != self._customer.name
        ]
        if shops:
            shop = self._random.choice(shops)
            amount = choose_price(self._random, self._currency, 0.3, 1.5)
            destination = Purse(shop.name, self._currency)
            yield self._transfer(self._moment(day, 8, 18), "shop", amount, self._purse, destination, shop.offer)

    def _give(self) -> Iterator[Event]:
        """A present on each friend's birthday, and one on another occasion."""
        for name in self._customer.friends:
            birthday = Random(f"birthday of {name}").randrange(365)  # noqa: S311 - the same whoever asks
            for day in self._days:
                if day.timetuple().tm_yday == birthday:
                    yield from self._make_present(day, name, f"Happy birthday, {self._everybody[name].given_name}!")
        occasion, friend = self._random.choice(OCCASIONS), self._random.choice(self._customer.friends)
        yield from self._make_present(self._random.choice(self._days[5:]), friend, occasion)

    def _make_present(self, day: date, name: str, wish: str) -> Iterator[Event]:
        friend = self._everybody[name]
        currency = self._find_common_currency(friend)
        if currency is not None:
            amount = choose_cash(self._random, currency, 1, 2)
            source, destination = Purse(self._customer.name, currency), Purse(friend.name, currency)
            yield self._transfer(self._moment(day, 7, 12), "gift", amount, source, destination, wish)

    def _find_common_currency(self, other: Customer) -> str | None:
        return next((currency for currency in self._customer.currencies if currency in other.currencies), None)

    def _moment(self, day: date, from_hour: int, to_hour: int) -> datetime:
        """Some moment of a day between two hours, as the customer's clock shows them."""
        seconds = self._random.randrange(from_hour * 3600, to_hour * 3600)
        clock_time = time(seconds // 3600, seconds // 60 % 60, seconds % 60, self._random.randrange(1_000_000))
        return datetime.combine(day, clock_time, self._zone).astimezone(UTC)

    def _top_up(self, at: datetime, what: str, amount: Decimal, currency: str, description: str) -> Event:
        purse = Purse(self._customer.name, currency)
        return Event(at=at, by=OPERATIONS, what=what, amount=amount, destination=purse, description=description)

    def _withdraw(self, day: date, what: str, amount: Decimal, description: str) -> Event:
        return Event(
            at=self._moment(day, 8, 21),
            by=self._customer.name,
            what=what,
            amount=amount,
            source=self._purse,
            description=description,
            reference=f"{self._random.randrange(10**9, 10**10)}",
        )

    def _transfer(
        self, at: datetime, what: str, amount: Decimal, source: Purse, destination: Purse, description: str
    ) -> Event:
        return Event(
            at=at,
            by=source.owner,
            what=what,
            amount=amount,
            source=source,
            destination=destination,
            description=description,
        )
