"""Deliveries to the outside: at least once, with an idempotency key, in order per channel."""

from kernel.outbox.outbox import (
    Deliverer,
    Delivery,
    DeliveryRow,
    Outbox,
    PermanentFailure,
    RetryLater,
    enqueue,
)

__all__ = [
    "Deliverer",
    "Delivery",
    "DeliveryRow",
    "Outbox",
    "PermanentFailure",
    "RetryLater",
    "enqueue",
]
