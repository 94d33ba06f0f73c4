"""Where the README's figures come from: `make bench` measures, `make race` tries to break the ledger."""
import wallet_app as wallet_app
