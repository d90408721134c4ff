"""Ways in which software fails, and the words that operators' systems use for each.

The vocabulary is that of the runtimes, databases, brokers and orchestrators themselves (messages of
Go, the JVM, Python, PostgreSQL, MySQL, Redis, Kafka, gRPC, Kubernetes); nothing here names a shop.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

from triage.evidence.causes.scene import Scene, Symptom


class Mode(StrEnum):
    """How it fails."""

    CRASH = "crash"
    TIMEOUT = "timeout"
    SLOW = "slow"
    POOL = "pool"
    DATABASE = "database"
    CACHE = "cache"
    DISK = "disk"
    MEMORY = "memory"
    CPU = "cpu"
    LOCK = "lock"
    ACCESS = "access"
    FORMAT = "format"
    LIMITED = "limited"
    LOAD = "load"
    TARGET = "target"
    QUEUE = "queue"
    WRONG = "wrong"
    HANDLES = "handles"
    LOGGING = "logging"


_WORDS: Mapping[Mode, str] = {
    Mode.CRASH: (
        r"panic|\b500\b|internal server error|nil pointer|null ?pointer|nonetype|"
        r"undefined is not|cannot read propert|segfault|"
        r"sigsegv|index out of (?:range|bounds)|crash|restart|exit code|exited|exit \d+|"
        r"terminated|unhandled|uncaught|"
        r"stack overflow|division by zero|divide by zero|class ?cast|type assertion|keyerror|"
        r"attributeerror|typeerror|assertion|fatal|valueerror"
    ),
    Mode.TIMEOUT: (
        r"aborted by client|client went away|\b504\b|time(?:d)?[ _-]?out|deadline|cancell?ed|"
        r"context expired|gave up waiting|hung|hang\b"
    ),
    Mode.SLOW: r"\bslow|older than|event loop lag|latency|duration|response[ _]time|p9\d|p50|"
    r"took|delayed|stall|lagging",
    Mode.POOL: (
        r"\bpool|too many (?:connections|clients)|acquir|checkout connection|max_conn|connections? "
        r"(?:exhausted|limit|slots)|waiting for (?:a )?connection|idle in transaction|"
        r"conn(?:ection)?_"
    ),
    Mode.DATABASE: (
        r"\bquer(?:y|ies)|\bsql\b|select |rows[ _]examined|statement|full (?:table )?scan|"
        r"seq(?:uential)? "
        r"scan|\bdb_|\bdb\b|deadlock|relation|replica|transaction|postgres|mysql|index scan"
    ),
    Mode.CACHE: r"cache|hit[ _]ratio|evict|stampede|read-through|redis|memcache|\bttl\b|stale",
    Mode.DISK: r"no space|disk|volume|read-only file|inode|\bwal\b|filesystem|file system",
    Mode.MEMORY: (
        r"\boom|out of memory|memory|heap|\brss\b|garbage|gc[ _](?:pause|time)|working set|"
        r"allocat|\b137\b|working_set"
    ),
    Mode.CPU: r"\bcpu|throttl|runqueue|load average|starv|busy loop|spin|backtrack",
    Mode.LOCK: (
        r"\block|deadlock|contention|contended|mutex|blocked|lock wait|could not obtain|serializ"
    ),
    Mode.ACCESS: (
        r"\b401\b|\b403\b|_403|_401|4xx|deny|unauthori[sz]ed|forbidden|denied|permission|token|"
        r"\bjwt\b|credential|"
        r"signature|csrf|cors|not allowed|authenticat|authoriz|expired session|audience|login"
    ),
    Mode.FORMAT: (
        r"unmarshal|marshal|decod|deserial|pars(?:e|ing)|invalid (?:character|json|format|field|"
        r"value)"
        r"|unexpected (?:end|token|field|type|eof)|unknown (?:field|column|enum)|schema|column|"
        r"malformed|missing (?:required )?(?:field|column|key)|validation|type mismatch|\b400\b|"
        r"\b422\b"
        r"|encoding|map key|valueerror|checksum|corrupt|does not exist"
    ),
    Mode.LIMITED: r"\b429\b|rate limit|too many requests|quota|throttled requests|limit exceeded",
    Mode.LOAD: (
        r"requests?[ _]per|\brps\b|\bqps\b|throughput|request rate|retry|retries|attempts?\b|storm|"
        r"amplif|overload|saturat|shedding|surge|fan-?out|queries_per|_per_request|_per_sec"
    ),
    Mode.TARGET: (
        r"no such host|connection refused|unreachable|no route|\b404\b|not found|dial |"
        r"unknown host|"
        r"connection reset|broken pipe|unknown topic|no healthy upstream|resolve"
    ),
    Mode.QUEUE: (
        r"queue|backlog|consumer[ _]lag|\blag\b|dead letter|\bdlq\b|unacked|offset|rebalanc|"
        r"partition"
    ),
    Mode.WRONG: (
        r"mismatch|incorrect|negative|duplicat|double|inconsisten|wrong|\bdrift|reconcil|oversold|"
        r"discrepan|total(?:s)? differ|rounding|off by|unbalanc|although|not eligible|"
        r"not expected|unexpected total|stale price|\bminus\b|recon|does not match|"
        r"differ|twice|missing order|"
        r"not found in|disput|refund|complain"
    ),
    Mode.HANDLES: r"too many open files|goroutine|file descriptor|\bfds?\b|thread|sockets?|"
    r"emfile|leak|cannot assign requested|time_?wait|sockstat|new_conn|handshake",
    Mode.LOGGING: r"log_write|log volume|log[ _](?:rate|bytes|lines)|_lps\b|\bdebug\b|log ingest",
}
_PATTERNS = {mode: re.compile(words, re.IGNORECASE) for mode, words in _WORDS.items()}
_ALARM_SHARE = 0.6
_SERIES_SHARE = 0.45


def modes_in(text: str) -> set[Mode]:
    """The modes that a text speaks of."""
    return {mode for mode, pattern in _PATTERNS.items() if pattern.search(text)}


def modes_of(scene: Scene, shifted: Iterable[tuple[str, float]]) -> dict[Mode, float]:
    """How strongly each mode shows (0-1): in bad messages, the alarm and the series that shifted.

    `shifted`: name and weight (0-1) of each series that left its usual range.
    """
    found: dict[Mode, float] = {}

    def see(text: str, weight: float) -> None:
        for mode in modes_in(text):
            found[mode] = max(found.get(mode, 0.0), weight)

    loudest = max((grown(one) for one in scene.symptoms if one.bad), default=0)
    for symptom in scene.symptoms:
        if symptom.bad and grown(symptom) > 0:
            share = grown(symptom) / loudest
            see(symptom.text, 0.55 + 0.45 * share**0.5)
    see(f"{scene.alarm.metric} {scene.alarm.text}", _ALARM_SHARE)
    for name, weight in shifted:
        see(name, _SERIES_SHARE + 0.4 * weight)
    return found


def grown(symptom: Symptom) -> int:
    """How many more of the message there are than before."""
    return max(0, symptom.count - symptom.before)
