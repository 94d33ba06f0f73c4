"""Signing in and out."""

from flask import make_response, redirect, render_template, request, session, url_for
from flask_login import login_user
from werkzeug.wrappers import Response

from wallet_app.backoffice.blueprint import backoffice_blueprint
from wallet_app.backoffice.forms.session import SignInForm
from wallet_app.backoffice.guard import find_own_page
from wallet_app.backoffice.permissions import requires
from wallet_app.backoffice.staff import find_signed_in, get_staff_member, load_signed_in_staff
from wallet_app.errors import InvalidCredentials, TooManyRequests
from wallet_app.identity.sessions import end_session
from wallet_app.identity.staff import sign_in_staff

_NOTICES = {
    "signed_out": "You are signed out.",
    "stale": "This page had been open for too long. Nothing was sent; please sign in again.",
    "unsaved": "Your session has ended. What you sent was not saved; sign in and send it again.",
}


@backoffice_blueprint.get("/sign-in")
def show_sign_in() -> Response:
    """Show the form, or Home to whoever is signed in already."""
    if find_signed_in() is not None:
        return redirect(_get_next_page(), code=303)
    notice = next((words for name, words in _NOTICES.items() if name in request.args), None)
    return _render_form(SignInForm(), notice=notice)


@backoffice_blueprint.post("/sign-in")
def sign_in() -> Response:
    """Begin a new session for a member of staff; whatever the browser's old session held is dropped."""
    form = SignInForm()
    if not form.validate():
        return _render_form(form, status=400)
    try:
        session_id = sign_in_staff(form.email.data, form.password.data)
    except InvalidCredentials:
        return _render_form(form, status=401, problem="Email or password is wrong.")
    except TooManyRequests as error:
        minutes = -(-error.retry_after // 60)
        wait = "a minute" if minutes == 1 else f"{minutes} minutes"
        response = _render_form(form, status=429, problem=f"Too many failed attempts. Try again in {wait}.")
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    previous = find_signed_in()
    if previous is not None:
        end_session(previous.caller.session_id)
    session.clear()
    login_user(load_signed_in_staff(str(session_id)))
    return redirect(_get_next_page(), code=303)


@backoffice_blueprint.post("/sign-out")
@requires()
def sign_out() -> Response:
    """End the session, here and wherever its cookie was copied to."""
    end_session(get_staff_member().caller.session_id)
    session.clear()
    return redirect(url_for("backoffice.show_sign_in", signed_out="1"), code=303)


def _get_next_page() -> str:
    return find_own_page(request.args.get("next")) or url_for("backoffice.show_home")


def _render_form(
    form: SignInForm, *, status: int = 200, problem: str | None = None, notice: str | None = None
) -> Response:
    html = render_template(
        "backoffice/session/sign_in.html",
        form=form,
        problem=problem,
        notice=notice,
        next_url=find_own_page(request.args.get("next")),
    )
    return make_response(html, status)
