"""Accounts, entries and holds. Knows no customer and no HTTP."""
