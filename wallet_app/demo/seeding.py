"""Seeding."""

from wallet_app.demo.showing import Reporter


def seed_demo(password: str, reporter: Reporter) -> None:
    """Not there yet."""
    reporter.say("The demo data is not there yet.")
