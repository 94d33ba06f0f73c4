"""What the pipeline is asked and what it answers: orders go in, results come out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wallet_app.errors import BatchRefused
from wallet_app.identity.caller import Caller
from wallet_app.transactions.idempotency import IdempotencyKey, KeyName, StoredAnswer
from wallet_app.transactions.models import NewTransaction
from wallet_app.transactions.moves import Move, Refused


@dataclass(frozen=True, slots=True)
class MoveRequest:
    """A move and, if the client sent one, the key that makes it happen once."""

    move: Move
    key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """The move was made; ``transaction`` is as it was written."""

    transaction: NewTransaction


@dataclass(frozen=True, slots=True)
class Replayed:
    """The key was used before, for this very request; nothing was done now."""


Outcome = Moved | Refused | Replayed
Render = Callable[[Moved | Refused], StoredAnswer]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a move, and the answer that the client gets, now and whenever it repeats the request."""

    outcome: Outcome
    answer: StoredAnswer


@dataclass(frozen=True, slots=True)
class Order:
    """A move, who asks for it, and how what comes of it is rendered. Orders of several callers may share a list."""

    caller: Caller
    move: Move
    key: IdempotencyKey | None
    render: Render

    @property
    def key_name(self) -> KeyName | None:
        """The key as the database tells it from others: keys belong to their caller."""
        return (self.caller.user_id, self.key.key) if self.key is not None else None


@dataclass(frozen=True, slots=True)
class Whole:
    """A list that is itself one request of a client: its key, if it has one, and how its one answer is rendered.

    ``render`` gets the results of all moves, or what refused an atomic list; it must be pure.
    """

    caller: Caller
    key: IdempotencyKey | None
    render: Callable[[Sequence[Result] | BatchRefused], StoredAnswer]

    @property
    def claims(self) -> dict[KeyName, str]:
        """The key's fingerprint under its name, or nothing."""
        return {(self.caller.user_id, self.key.key): self.key.fingerprint} if self.key is not None else {}


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """The answer to a list as a whole, and whether it is the stored one of an earlier request."""

    answer: StoredAnswer
    is_replayed: bool = False
