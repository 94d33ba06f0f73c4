"""Who may open which page. The guard lets in staff only; a page names what it needs beyond that."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from wallet_app.backoffice.staff import get_staff_member
from wallet_app.identity.permissions import Permission

P = ParamSpec("P")
R = TypeVar("R")


def requires(*permissions: Permission) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let only staff whose role grants every one of `permissions` open the view; others get the 403 page.

    Every view but the public ones wears it; `requires()` where being staff is enough.
    """

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def check_and_call(*args: P.args, **kwargs: P.kwargs) -> R:
            caller = get_staff_member().caller
            for permission in permissions:
                caller.require(permission)
            return view(*args, **kwargs)

        check_and_call.required_permissions = permissions  # type: ignore[attr-defined]
        return check_and_call

    return decorate
