"""What each sender sent on a UTC day and what became of it, signed so that it can be held to us."""
