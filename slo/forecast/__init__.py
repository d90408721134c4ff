"""How long an error budget lasts: a pace with ageing, and an 80 % interval that is back-tested."""
