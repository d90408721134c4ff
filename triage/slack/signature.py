"""Slack's request signature, version v0: HMAC-SHA256 over `v0:{timestamp}:{raw body}`. Pure.

slack_sdk's verifier raises on odd timestamps and non-ASCII signatures; a door must not.
"""

from __future__ import annotations

import hashlib
import hmac

TOLERANCE_S = 300


def refusal(
    body: bytes, *, secret: str, timestamp: str | None, signature: str | None, now_s: int
) -> str:
    """Why the request is not Slack's, or "" where it is. Two-sided tolerance of five minutes."""
    if not timestamp or not signature:
        return "the signature headers are missing"
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return "the timestamp is not a number of seconds"
    if abs(now_s - int(timestamp)) > TOLERANCE_S:
        return "the timestamp is more than five minutes off"
    base = b"v0:" + timestamp.encode() + b":" + body
    wanted = "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted.encode(), signature.encode("utf-8", "replace")):
        return "the signature does not match"
    return ""
