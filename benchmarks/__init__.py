"""Where the README's figures come from: `make bench` measures, `make race` tries to break the ledger."""
