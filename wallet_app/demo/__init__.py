"""The demo world: people, accounts and three months of history, posted through the services."""
