"""Objectives, the ledger, budgets and burn alerts."""
