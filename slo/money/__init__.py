"""Money beside attempts: value budgets, what burns them, revenue at risk, conversion."""
