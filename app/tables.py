"""Every table of the control database, for the migrations: importing this fills the metadata."""

from __future__ import annotations

from sqlmodel import SQLModel

import access.models
import audit.models
import collector.counts.models
import kernel.facts.bus
import kernel.outbox.outbox
import runbooks.models
import slo.corrections.models
import slo.models
import slo.policy.models
import triage.models
import triage.slack.models

MODULES = (
    access.models,
    audit.models,
    collector.counts.models,
    kernel.facts.bus,
    kernel.outbox.outbox,
    runbooks.models,
    slo.corrections.models,
    slo.models,
    slo.policy.models,
    triage.models,
    triage.slack.models,
)
METADATA = SQLModel.metadata
