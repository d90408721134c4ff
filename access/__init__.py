"""People, roles, tokens, sessions and guards."""
