"""How a money move names an account. Whoever asks for a move knows this much of the ledger."""

from dataclasses import dataclass
from typing import Literal

RefKind = Literal["id", "number", "owner", "email", "cash", "fees", "fx", "merchant_settlement", "suspense"]


@dataclass(frozen=True, slots=True)
class AccountRef:
    """How a move names an account.

    ``owner`` (a user id) and ``email`` stand for that user's primary account in ``currency``; the system kinds for
    the system's own account in ``currency``; ``id`` and ``number`` need no currency.
    """

    kind: RefKind
    value: str = ""
    currency: str = ""
