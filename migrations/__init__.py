"""One history of the control database's schema. `HEAD` is its newest revision."""

HEAD = "20261122_01"
