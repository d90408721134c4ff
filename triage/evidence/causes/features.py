"""What lines of code and settings do, by their form: a guard, a bound, a lock, a query. Tables.

A change is judged by what is fewer, more or other after it: a guard that went can crash, a guard
that came cannot. The forms are those of Go, Java, Python, JavaScript, SQL, YAML and Terraform.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from triage.evidence.causes.modes import Mode

_M = Mode
Harm = tuple[float, str]  # how likely (0-1) it breaks something, and the words for people
_NO_HARM: Harm = (0.0, "")


@dataclass(frozen=True)
class Form:
    """A form of code, and what less of it, more of it, or another of it can break."""

    name: str
    pattern: re.Pattern[str]
    modes: frozenset[Mode]
    gained_modes: frozenset[Mode]
    lost: Harm = _NO_HARM
    gained: Harm = _NO_HARM
    changed: Harm = _NO_HARM


def _form(
    name: str,
    pattern: str,
    modes: tuple[Mode, ...],
    *,
    lost: Harm = _NO_HARM,
    gained: Harm = _NO_HARM,
    changed: Harm = _NO_HARM,
    gained_modes: tuple[Mode, ...] = (),
) -> Form:
    return Form(
        name=name,
        pattern=re.compile(pattern, re.IGNORECASE),
        modes=frozenset(modes),
        gained_modes=frozenset(gained_modes or modes),
        lost=lost,
        gained=gained,
        changed=changed,
    )


FORMS: tuple[Form, ...] = (
    _form(
        "absence check",
        r"(?<!err )(?<!err)(?<!error )[=!]==?\s*(?:nil|null|none|undefined)\b|\bis (?:not )?none\b|"
        r"\?\.\w|\?\?|\.ispresent\(|optional\.|orelse|\bif (?:let|some)\b|,\s*(?:ok|found)\s*:?=|"
        r"getordefault|\.get\(\s*[\"'][^\"']+[\"']\s*,",
        (_M.CRASH, _M.WRONG),
        lost=(0.9, "a check for a missing value is gone"),
    ),
    _form(
        "error check",
        r"\berr(?:or)?\s*!=\s*nil|\bexcept\b|\bcatch\b|\brecover\(|\.catch\(|\brescue\b|onerror",
        (_M.CRASH, _M.WRONG, _M.QUEUE, _M.HANDLES),
        lost=(0.7, "an error is no longer handled"),
    ),
    _form(
        "bounds check",
        r"\blen\([^)\n]*\)\s*[<>=!]|\.(?:length|size\(\)|len\(\)|isempty\(\))\s*[<>=!]|\.isempty\(\)",
        (_M.CRASH, _M.WRONG, _M.SLOW, _M.MEMORY),
        lost=(0.75, "a check of a length is gone"),
    ),
    _form(
        "query bound",
        r"\blimit\s+[\d:$?@{]|\.limit\(|\btop\s*\(?\d|\bfetch first\b|\.take\(|\.first\(\d|"
        r"page_?size|"
        r"max_?results|limitreader|maxbytesreader|\bslice\(0|setmaxresults|pageable",
        (_M.SLOW, _M.DATABASE, _M.MEMORY, _M.TIMEOUT, _M.CPU),
        lost=(0.95, "a bound on how much is read is gone"),
    ),
    _form(
        "query condition",
        r"\bwhere\b|\band\s+[\w.]+\s*(?:=|<|>|in\b)|\.filter\(|\.where\(",
        (_M.SLOW, _M.DATABASE, _M.WRONG, _M.TIMEOUT, _M.CPU),
        lost=(0.75, "a condition of a query is gone"),
        gained=(0.25, "a query has a new condition"),
        changed=(0.75, "the condition of a query is another"),
    ),
    _form(
        "index",
        r"\bcreate\s+(?:unique\s+)?index\b|\badd\s+index\b|\bindex:\s*true|db_index\s*=\s*true",
        (_M.SLOW, _M.DATABASE, _M.CPU, _M.TIMEOUT),
        lost=(0.8, "an index is no longer made"),
        gained=(0.1, "an index is made"),
        gained_modes=(_M.LOCK, _M.DATABASE),
    ),
    _form(
        "index dropped",
        r"\bdrop\s+index\b|remove_?index|dropindex",
        (_M.SLOW, _M.DATABASE, _M.CPU, _M.TIMEOUT, _M.POOL),
        gained=(1.5, "an index is dropped"),
    ),
    _form(
        "schema",
        r"\bdrop\s+(?:column|table|constraint)|\brename\s+(?:column|table|to)|"
        r"\balter\s+column|\bnot\s+null\b|\bset\s+type\b|\badd\s+constraint\b",
        (_M.FORMAT, _M.LOCK, _M.DATABASE, _M.WRONG),
        gained=(1.2, "a schema is changed in place"),
    ),
    _form(
        "release",
        r"\.close\(|\bfinally\b|\.release\(|\.rollback\(|\.dispose\(|try\s*\(|\bcancel\(\)|"
        r"\bwith\s+\w+.*:|\.stop\(\)|clear(?:timeout|interval)\(|putconn|\.destroy\(|\.shutdown\(",
        (_M.HANDLES, _M.POOL, _M.MEMORY, _M.TIMEOUT, _M.TARGET),
        lost=(0.85, "a resource is no longer given back"),
    ),
    _form(
        "time limit",
        r"withtimeout|withdeadline|\btimeout\b\s*[:=(]|read_?timeout|deadline\s*[:=(]|abortsignal|"
        r"\.timeout\(|statement_timeout|sotimeout",
        (_M.TIMEOUT, _M.SLOW, _M.POOL, _M.HANDLES),
        lost=(0.8, "a time limit is gone"),
        gained=(0.35, "a new time limit"),
        gained_modes=(_M.TIMEOUT,),
    ),
    _form(
        "lock held to the end",
        r"defer\s+[\w.]+\.r?unlock\(|with\s+[\w.]*lock\b|synchronized",
        (_M.LOCK, _M.SLOW, _M.TIMEOUT, _M.HANDLES, _M.QUEUE, _M.POOL),
        gained=(0.9, "a lock is held over more than before"),
    ),
    _form(
        "lock",
        r"(?<!un)(?<!r)\block\(|\.lock\(|\bfor update\b|lock table|\bmutex\b|@lock|"
        r"select_for_update|isolation|serializable|acquire\(|advisory\w*lock|setnx",
        (_M.WRONG, _M.CRASH),
        lost=(0.5, "a lock is gone"),
        gained=(0.75, "a lock is taken where there was none"),
        gained_modes=(_M.LOCK, _M.SLOW, _M.TIMEOUT, _M.CPU, _M.QUEUE),
        changed=(0.5, "a lock is another"),
    ),
    _form(
        "shared lock",
        r"\.rlock\(|readlock\(|\brwmutex\b|readwritelock",
        (_M.LOCK, _M.SLOW, _M.TIMEOUT, _M.CPU),
        lost=(0.85, "readers no longer share a lock"),
    ),
    _form(
        "key",
        r"\b\w*(?:key|token|idempotency\w*|request_?id|reference)\s*(?::=|=|:)\s*|cache_?key|"
        r"keyfor\(|keyof\(|\bvary\b",
        (_M.CACHE, _M.DATABASE, _M.SLOW, _M.LOAD, _M.MEMORY, _M.WRONG, _M.CPU),
        changed=(0.85, "a key is made in another way"),
    ),
    _form(
        "cache",
        r"\bcache[sd]?\b\s*\.|\bcache\.(?:get|set|put|load)|\bcached\(|@cache|memoiz|lru_cache|"
        r"getorload|get_or_set|cacheable|use_?cache|singleflight|computeifabsent",
        (_M.CACHE, _M.DATABASE, _M.SLOW, _M.LOAD, _M.CPU, _M.POOL),
        lost=(0.85, "a cache is passed by"),
        gained=(0.2, "a cache is asked"),
        gained_modes=(_M.CACHE, _M.WRONG, _M.MEMORY),
    ),
    _form(
        "backoff",
        r"backoff|jitter|retry[-_ ]?after|exponential|debounce|delay\(",
        (_M.LOAD, _M.LIMITED, _M.CPU, _M.TIMEOUT, _M.SLOW),
        lost=(0.85, "waiting between tries is gone"),
    ),
    _form(
        "retry",
        r"\bretr(?:y|ies)\b|for attempt|max_?attempts|@retry|retryable|while\s*\(?\s*true|for \{",
        (_M.TIMEOUT, _M.TARGET, _M.CRASH, _M.WRONG),
        lost=(0.45, "failed calls are no longer tried again"),
        gained=(0.6, "failed calls are tried again"),
        gained_modes=(_M.LOAD, _M.LIMITED, _M.SLOW, _M.WRONG, _M.CPU),
    ),
    _form(
        "rate limit",
        r"rate_?limit|limiter|semaphore|token ?bucket|circuit_?breaker|breaker|bulkhead|p-?limit",
        (_M.LOAD, _M.POOL, _M.LIMITED, _M.SLOW, _M.CPU, _M.TIMEOUT, _M.HANDLES),
        lost=(0.85, "a limit on calls is gone"),
        gained=(0.45, "a new limit on calls"),
        gained_modes=(_M.LIMITED, _M.SLOW, _M.QUEUE),
    ),
    _form(
        "background work",
        r"\bgo\s+func\b|\bgo\s+\w+[.(]|create_task\(|\.submit\(|new thread|thread\(|\bspawn\(|"
        r"setinterval\(|newticker|promise\.all|newcachedthreadpool|parallelstream",
        (_M.SLOW,),
        lost=(0.1, "work is no longer in the background"),
        gained=(0.75, "work is started in the background without a bound"),
        gained_modes=(_M.HANDLES, _M.MEMORY, _M.CPU, _M.LOAD, _M.POOL, _M.QUEUE),
    ),
    _form(
        "growth",
        r"\b(?:s|c|h|p|m|r|a|self|this|global|registry|store)\.\w+\s*=\s*append\(|"
        r"\b(?:self|this|s|c|h)\.\w+(?:\.(?:append|push|add|put|set)\(|\[[^\]]+\]\s*=[^=])|"
        r"^\s*var\s+\w+\s*=\s*(?:map\[|make\(map)|\bstatic\b.*\b(?:map|list)\b|new (?:hash)?map|"
        r"defaultdict\(|prometheus\.labels|withlabelvalues\(",
        (_M.MEMORY, _M.CRASH, _M.CPU, _M.SLOW),
        gained=(0.75, "something is kept that grows"),
    ),
    _form(
        "eviction",
        r"\bdelete\(|\bevict|\.expire|maxsize|max_?entries|\.pop\(|\.remove\(|\bprune|"
        r"maximumsize|lru",
        (_M.MEMORY, _M.CRASH, _M.CACHE, _M.DISK),
        lost=(0.75, "what was kept is no longer dropped"),
    ),
    _form(
        "wait",
        r"time\.sleep|thread\.sleep|asyncio\.sleep|\bsleep\(|\.join\(\)|\.result\(\)|block\(\)|"
        r"sync\(",
        (_M.SLOW, _M.TIMEOUT, _M.POOL, _M.QUEUE),
        gained=(0.75, "the code waits"),
    ),
    _form(
        "end of the process",
        r"\bpanic\(|log\.fatal|os\.exit|system\.exit|process\.exit|\bmust[a-z]*\(|\.unwrap\(|"
        r"\.expect\(|\bassert\b|\braise\b|\bthrow\b",
        (_M.CRASH, _M.QUEUE),
        gained=(0.6, "the code stops on an error"),
    ),
    _form(
        "unchecked conversion",
        r"\.\(\*?[a-z]\w*(?:\.\w+)?\)|\bas!\s|!!\.|\[0\]|\[-1\]|parseint\(|\.get\(0\)|\bint\(|"
        r"valueof\(|\]\[",
        (_M.CRASH, _M.FORMAT, _M.WRONG),
        gained=(0.45, "a value is taken without a check"),
    ),
    _form(
        "place beyond the end",
        r"\[\s*\w+\s*[+-]\s*1\s*\]|\[len\(|\[-1\]|\.get\(\w+\s*[+-]\s*1\)|<=\s*(?:len\(|\w+\.length)",
        (_M.CRASH, _M.WRONG),
        gained=(0.9, "a place beyond the end may be read"),
    ),
    _form(
        "call to others",
        r"await\s+[\w.]*(?:get|post|fetch|query|send|call|invoke|find|load)\w*\s*(?:<[^<>()]*>)?\(|"
        r"\bfetch\(|requests\.(?:get|post)|http\.(?:get|post|do)|client\.(?:get|post|do)\(|resttemplate|"
        r"webclient|stub\.\w+\(",
        (_M.LOAD, _M.SLOW, _M.TIMEOUT, _M.POOL, _M.LIMITED, _M.TARGET),
        gained=(0.65, "others are asked where nobody was"),
    ),
    _form(
        "pattern",
        r"regexp\.|re\.(?:compile|match|search|sub)|\bregexp?\b|pattern\.compile|\.matches\(|/\^|"
        r"/\(",
        (_M.CPU, _M.SLOW, _M.TIMEOUT, _M.FORMAT, _M.QUEUE),
        gained=(0.6, "a pattern is matched"),
        changed=(0.75, "a pattern is another"),
    ),
    _form(
        "tolerance",
        r"leeway|skew|tolerance|grace|slack|clock_?drift",
        (_M.ACCESS, _M.TIMEOUT, _M.WRONG, _M.LIMITED),
        lost=(0.9, "a tolerance is gone"),
    ),
    _form(
        "right to act",
        r"authoriz|permission|\brole[s ]|\bscopes?\b|audience|issuer|verify|\ballow\w*\s*[:(=]|"
        r"\bdeny\b|csrf|cors|samesite|securitycontext|runasuser|\biam\b|\bacl\b|polic(?:y|ies)|"
        r"\borigins?\b|anyof\(|allof\(",
        (_M.ACCESS,),
        lost=(0.6, "a rule of access is gone"),
        gained=(0.5, "a rule of access is new"),
        changed=(0.85, "a rule of access is another"),
    ),
    _form(
        "wire format",
        r"json:\"|protobuf|@jsonproperty|\bfield\s+\d+\s*=|\benum\b|\.avsc|serialversion|marshal|"
        r"\bencode\(|\bdecode\(|gzip|content-type|strptime|dateformat|ofpattern|time\.rfc|\.avro|"
        r"objectmapper|serde|serializ|naming.?strategy|snake_?case|camel_?case|inclusion",
        (_M.FORMAT, _M.WRONG, _M.QUEUE),
        lost=(0.7, "a format on the wire is another"),
        gained=(0.7, "a format on the wire is another"),
        changed=(0.75, "a format on the wire is another"),
    ),
    _form(
        "uniqueness",
        r"idempoten|dedup|\bunique\b|on conflict|exactly.?once|insert ignore|\bnonce\b|already",
        (_M.WRONG, _M.QUEUE, _M.DATABASE),
        lost=(0.85, "a guard against doing it twice is gone"),
        changed=(0.6, "a guard against doing it twice is another"),
    ),
    _form(
        "acknowledgement",
        r"\back\(|\.commit\(|auto_?commit|prefetch|acks\s*[:=]|visibility|nack\(|enable\.auto",
        (_M.QUEUE, _M.WRONG, _M.DATABASE),
        lost=(0.65, "work is acknowledged in another way"),
        gained=(0.4, "work is acknowledged in another way"),
    ),
    _form(
        "transport trust",
        r"insecureskipverify|rootcas|certfile|minversion|tls\.config|verify\s*=\s*false|sslmode|"
        r"cabundle",
        (_M.ACCESS, _M.TARGET),
        lost=(0.35, "trust of a connection is another"),
        gained=(0.35, "trust of a connection is another"),
        changed=(0.35, "trust of a connection is another"),
    ),
    _form(
        "name lookup",
        r"ndots|dnspolicy|dnsconfig|nameserver|resolv|searches:|external-?dns|hostaliases",
        (_M.TARGET, _M.SLOW, _M.TIMEOUT),
        lost=(0.8, "names are looked up in another way"),
        gained=(1.2, "names are looked up in another way"),
        changed=(0.8, "names are looked up in another way"),
    ),
    _form(
        "fallback",
        r"fallback|placeholder|allsettled|settled|getorelse|orelse|best.?effort|fail_?open|"
        r"degraded|"
        r"continue-on|ignore_?errors|safely|soft_?fail",
        (_M.CRASH, _M.TIMEOUT, _M.TARGET, _M.WRONG),
        lost=(0.85, "a fallback is gone"),
    ),
    _form(
        "division",
        r"[\w)\]] / [\w(]|//\s*[a-z_]\w*\s*[,)]|\bdivmod\(|\.div(?:ide)?\(",
        (_M.CRASH, _M.WRONG),
        gained=(0.65, "something is divided by what may be zero"),
    ),
    _form(
        "file that stays",
        r"delete=false|tempfile|mkdtemp|createtemp|mktemp|/tmp/|os\.create|deleteonexit",
        (_M.DISK, _M.HANDLES, _M.MEMORY),
        gained=(0.6, "files are left behind"),
        changed=(0.8, "files are left behind"),
    ),
    _form(
        "kept connection",
        r"keep_?alives?|maxidle|idleconn|connection:\s*close|http_?agent|pooled|setreuse|"
        r"persistent",
        (_M.TARGET, _M.HANDLES, _M.LOAD, _M.POOL, _M.SLOW, _M.TIMEOUT),
        lost=(0.8, "connections are no longer kept"),
        changed=(0.6, "connections are kept in another way"),
    ),
    _form(
        "spread in time",
        r"math\.random|rand\.\w+|random\.\w+|jitter|splay|uniform\(",
        (_M.CACHE, _M.DATABASE, _M.LOAD, _M.QUEUE, _M.CPU, _M.LIMITED),
        lost=(0.85, "what was spread in time now comes at once"),
    ),
    _form(
        "loaded together",
        r"select_related|prefetch_related|join fetch|joinedload|selectinload|includes\(|eager|"
        r"fetchtype\.eager|dataloader|batch_?load|preload\(|with_entities",
        (_M.DATABASE, _M.SLOW, _M.LOAD, _M.POOL, _M.CPU, _M.TIMEOUT),
        lost=(0.9, "what was loaded together is loaded one by one"),
    ),
    _form(
        "query for each",
        r"\.(?:all|exists|latest|count|first)\(|serializermethodfield|fetchtype\.lazy|lazy=",
        (_M.DATABASE, _M.SLOW, _M.LOAD, _M.POOL, _M.CPU, _M.TIMEOUT),
        gained=(1.2, "each element asks the database"),
    ),
    _form(
        "way through the network",
        r"cidr|ingress|egress|security_?group|network_?polic|firewall|allow_?list|white_?list|"
        r"source_ranges|from_port|peering|route_table|node_?selector|headless|clusterip|"
        r"externalname",
        (_M.TARGET, _M.TIMEOUT, _M.ACCESS, _M.SLOW),
        lost=(0.7, "a way through the network is closed"),
        gained=(0.5, "a way through the network is another"),
        changed=(0.85, "a way through the network is another"),
    ),
    _form(
        "inexact number",
        r"\bfloat(?:32|64)?\b|\bdouble\b|parsefloat|tofixed|number\(|doublevalue",
        (_M.WRONG,),
        gained=(0.85, "exact amounts become inexact"),
    ),
    _form(
        "zone of time",
        r"utc|timezone|zoneid|localtime|\.local\b|localdate|tzinfo|astimezone|startofday|"
        r"now\(\)|date_?trunc|gethours",
        (_M.WRONG, _M.QUEUE, _M.ACCESS),
        lost=(0.55, "times are taken in another zone"),
        gained=(0.45, "times are taken in another zone"),
        changed=(0.55, "times are taken in another zone"),
    ),
)

# A call that leaves the process: costly where it stands in a loop.
CALL = re.compile(
    r"\b\w*(?:quer(?:y|ies)|queryrow\w*|fetch\w*|exec(?:ute)?|getitem|getby\w+|find\w*|select\w*|"
    r"load\w*|"
    r"lookup\w*|request|invoke|publish|send|http\w*|rpc\w*|redis\w*)\s*(?:<[^<>()]*>)?\(|"
    r"\.(?:do|call|get\w*|post|put|delete|head|save|insert|update|read|write|on[a-z]*hand)\s*"
    r"(?:<[^<>()]*>)?\(",
    re.IGNORECASE,
)
LOOP = re.compile(
    r"^\s*(?:for|while|foreach)\b|\.(?:foreach|map|flatmap)\(|\bfor\s+\w+\s+in\b", re.IGNORECASE
)
