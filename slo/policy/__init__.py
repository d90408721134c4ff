"""The error budget policy as code: rules in YAML, states derived from the ledger, a gate for
deploys.

Nothing here stores what a budget is: rules are judged anew at each question. Stored are only
people's words (overrides, postmortems), the spans of incidents as triage told them, and, for the
audit, which state was recorded last.
"""
