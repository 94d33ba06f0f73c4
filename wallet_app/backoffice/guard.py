"""What stands before every back-office page: the CSRF check, then signing in."""

from typing import Final

from flask import Response, redirect, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response as BaseResponse

from wallet_app.backoffice.blueprint import backoffice_blueprint
from wallet_app.backoffice.staff import find_signed_in
from wallet_app.extensions import csrf
from wallet_app.identity.staff import StaffMember
from wallet_app.pages import render_error_page

# The only pages that anyone may open.
PUBLIC_ENDPOINTS: Final = frozenset({"backoffice.show_sign_in", "backoffice.sign_in"})


@backoffice_blueprint.before_request
def require_sign_in() -> BaseResponse | None:
    """Refuse a form that is not ours, and lead whoever is not signed in to the sign-in page."""
    csrf.protect()
    if request.endpoint in PUBLIC_ENDPOINTS or find_signed_in() is not None:
        return None
    came_for_a_page = request.method in {"GET", "HEAD"}
    wanted = request.full_path.rstrip("?") if came_for_a_page else None
    if wanted == url_for("backoffice.show_home"):
        wanted = None
    return redirect(url_for("backoffice.show_sign_in", next=wanted, unsaved=None if came_for_a_page else "1"), code=303)


@backoffice_blueprint.errorhandler(CSRFError)
def show_unverified_form(error: CSRFError) -> Response | BaseResponse:
    """Answer a form whose token is missing or of another session. On the sign-in page that is an old tab."""
    if request.endpoint == "backoffice.sign_in":
        return redirect(url_for("backoffice.show_sign_in", next=request.args.get("next"), stale="1"), code=303)
    return render_error_page(
        400,
        title="That form could not be verified",
        happened="The form was opened in another session, or did not come from our pages.",
    )


@backoffice_blueprint.context_processor
def give_staff_to_templates() -> dict[str, StaffMember | None]:
    return {"staff": find_signed_in()}


def find_own_page(address: str | None) -> str | None:
    """Return an address given in a link if it leads to a back-office page, and None if it leads elsewhere."""
    if address and address.isprintable() and address.startswith("/backoffice/") and "\\" not in address:
        return address
    return None
