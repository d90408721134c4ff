"""Facts: how features hear of each other. Published in the transaction of the change itself.

Each publisher's versioned schemas stand in one file here (`slo.py`, `triage.py`, `runbooks.py`);
each subscriber has its own cursor and unit of work; a fact that fails five times is quarantined
for that subscriber alone.
"""

from kernel.facts.bus import Fact, FactDispatcher, Subscription, publish

__all__ = ["Fact", "FactDispatcher", "Subscription", "publish"]
