"""The sign-in form."""

from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField
from wtforms.validators import InputRequired


def _strip(text: str | None) -> str | None:
    return text.strip() if text else text


class SignInForm(FlaskForm):
    """Email and password of a staff member. FlaskForm brings the CSRF token along."""

    email = EmailField("Email", filters=[_strip], validators=[InputRequired("Enter your email address.")])
    password = PasswordField("Password", validators=[InputRequired("Enter your password.")])
