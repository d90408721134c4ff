"""Corrections: spans of time that a person took out of the budget, and another one approved.

`recurrence` says when, `dropping` which units, `reader` reads the ledger without them; `service`
is who may propose and approve.
"""
