"""Causes that no change of ours explains: provider, traffic, certificate, machines, data.

Each needs words or numbers of its own: that nothing of ours fits is never enough for it. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from kernel.clock import MINUTE_US
from triage.evidence.causes.modes import grown
from triage.evidence.causes.places import services_of, stem
from triage.evidence.causes.scene import Scene, Symptom
from triage.evidence.causes.shifts import Shift


class Outside(StrEnum):
    """What outside of our changes can fail."""

    PROVIDER = "provider"
    TRAFFIC = "traffic"
    CERTIFICATE = "certificate"
    NAMES = "name lookup"
    INFRASTRUCTURE = "infrastructure"
    DATA = "bad data"
    CREDENTIAL = "credential or quota"


@dataclass(frozen=True)
class Reading:
    """How strongly (0-1) one of them shows, and what shows it."""

    kind: Outside
    strength: float
    why: str


_CERTIFICATE = re.compile(
    r"certificate (?:has )?expired|certificate is not yet valid|x509|cert(?:ificate)?_?\w* expir|"
    r"pkix path|unable to verify the first certificate|tls: (?:expired|bad) certificate",
    re.IGNORECASE,
)
_EXPIRY = re.compile(r"(?:cert|tls|ssl)\w*(?:expir|valid|remaining|until)", re.IGNORECASE)
_NAMES = re.compile(
    r"no such host|host not found|(?:failed|unable) to resolve|server misbehaving|servfail|"
    r"nxdomain|name resolution|getaddrinfo|name or service not known|"
    r"\bdns\b|unknownhost|lookup [\w.-]+ on |resolver (?:timeout|error|unreachable|failed)|"
    r"coredns|could not resolve",
    re.IGNORECASE,
)
_BROKEN = re.compile(
    r"i/o error|bad sector|remount\w* read-only|hardware (?:error|fault|failure)|packet loss|"
    r"network partition|"
    r"link (?:down|flap)|"
    r"node ?not ?ready|nodenotready|hypervisor|availability zone|zone \S+ (?:is )?(?:degraded|"
    r"down|unreach|unavail)|"
    r"co-?tenant|noisy neighbo|throttling container|spot instance|instance (?:terminat|retir|"
    r"reclaim)|"
    r"host maintenance|live migration|volume (?:detach|degraded)|clock step|"
    r"primary (?:is )?(?:down|unreachable|lost)|failover (?:started|triggered|complete)|"
    r"promoted to primary",
    re.IGNORECASE,
)
_STRAINED = re.compile(
    r"node \S+ .*?(?:pressure|contended|cordon|drain|under increasing)|memorypressure|diskpressure|"
    r"evict(?:ed|ing) pod|preempt|cgroup|cpu contended|no route to host|retransmi",
    re.IGNORECASE,
)
_MACHINES = re.compile(
    r"kubelet|kernel|kube-|\bnode\b|node[-_]|systemd|hypervisor|scheduler|karpenter", re.IGNORECASE
)
_NODE_SERIES = re.compile(
    r"^node[._]|_node_|steal|throttled|packet|retransmi|disk[._](?:write_|read_)?(?:latency|"
    r"queue|io|errors)|iowait",
    re.IGNORECASE,
)
_NETWORK_SERIES = re.compile(r"packet|retransmi|steal", re.IGNORECASE)
_NAME_SERIES = re.compile(
    r"servfail|nxdomain|dns|resolver (?:timeout|error|unreachable|failed)|forward_timeouts",
    re.IGNORECASE,
)
_TURNED_AWAY = re.compile(
    r"(?:vendor|provider|partner|external|third|carrier|acquirer)\w*[._](?:401|403|429|quota|"
    r"denied)",
    re.IGNORECASE,
)
_DATA = re.compile(
    r"malformed|poison|corrupt|invalid (?:utf|byte|row|record|payload|message|sku|price|csv|date)|"
    r"(?:parse|decode|decoding|unmarshal|deserializ)\w* .*?(?:row|record|line|offset|message|"
    r"feed|file)|"
    r"reject(?:ed|ing)? (?:row|record|line|item|product)|unexpected (?:null|value|byte)|"
    r"schema violation|(?:bad|broken|truncated) (?:record|row|"
    r"file|feed)",
    re.IGNORECASE,
)
_ARRIVAL = re.compile(
    r"\bfeed\b|import|ingest(?:ed|ing)? (?:file|batch)|upload|partner|supplier|backfill|csv|"
    r"catalog sync",
    re.IGNORECASE,
)
_CREDENTIAL = re.compile(
    r"(?:api[ _-]?key|credential|secret|password|access key|license)\w* (?:has |is |was )?"
    r"(?:expired|revoked|invalid|suspended|rotated)|quota (?:has been )?exceeded|account suspended|"
    r"subscription (?:expired|inactive)|insufficient_quota",
    re.IGNORECASE,
)
_OTHER_SIDE = re.compile(
    r"(?:\bvia|calling|calls? to|\bfrom|\bupstream|provider|carrier|acquirer|"
    r"gateway)\s+([a-z][a-z0-9-]{3,})\b|"
    r"\b([a-z][a-z0-9-]{3,}) (?:answered|returned|responded|replied|unavailable|refused|"
    r"rejected us|"
    r"<\S*> (?:bad gateway|service unavailable|gateway time|too many)|\w*(?:timeout|"
    r"unavailable)\w*)",
    re.IGNORECASE,
)
_ORDINARY = """
connect reset rules clients poll estimate quote lookup search query consumer producer worker
login session stock price store checkout module page upstream server client host peer database
cache queue broker order orders payment remote request requests response call calls string value
type pool connection statement redis kafka postgres mysql with that this after before backend
service services unavailable timeout read write topic partition basket cart customer user field
column file code socket proxy
"""
_ENDINGS = ("ly", "ed", "ing", "tion")
_NOT_A_NAME = frozenset(_ORDINARY.split())
_PARTNER = re.compile(
    r"acquirer|carrier|provider|vendor|partner|external|third_?party|egress|psp", re.IGNORECASE
)
_HOST = re.compile(
    r"https?://([\w.-]+)|(?<![\w./-])((?:[a-z0-9-]+\.)+(?:com|net|org|io|eu|de|co|app|cloud))\b",
    re.IGNORECASE,
)
_INSIDE = re.compile(
    r"\.(?:svc|local|internal|cluster|lan|corp|intra)\b|^localhost|^[\w-]+$|^\d+\.", re.IGNORECASE
)
_RATE = re.compile(
    r"requests?[._]per|request_rate|\brps\b|[._]rps|qps|requests_total|requests_rate|"
    r"attempts_per|logins?_per|"
    r"sessions?_per|visits|distinct_client|headless|\bbots?\b",
    re.IGNORECASE,
)
_EDGE = re.compile(
    r"front|edge|gateway|ingress|web|proxy|balancer|\blb\b|api-?gw|bff", re.IGNORECASE
)
_AGAIN = re.compile(r"retr(?:y|ies)|duplicate request|thundering|loop", re.IGNORECASE)

_FINE = frozenset({"operational", "none", "resolved"})
# The part of all bad messages that must speak of it: one odd line decides nothing.
_SPOKEN_SHARE = 0.15
_TOLD_NEAR_US = 20 * MINUTE_US


def readings(scene: Scene, shifts: Sequence[Shift], onset_us: int) -> list[Reading]:
    """What shows, strongest first; nothing that does not show at all."""
    return _Signs(scene, shifts, onset_us).readings()


def external_host(text: str) -> str:
    """The first host outside of our own network that the text names; "" where there is none."""
    for url, bare in _HOST.findall(text):
        host = str(url or bare).lower()
        if host and not _INSIDE.search(host):
            return host
    return ""


class _Signs:
    """The signs of one scene."""

    def __init__(self, scene: Scene, shifts: Sequence[Shift], onset_us: int) -> None:
        self.scene = scene
        self.shifts = shifts
        self.onset_us = onset_us
        grew = [one for one in scene.symptoms if grown(one) > 0]
        self.grew = sorted(grew, key=lambda one: -grown(one))
        self.bad = [one for one in self.grew if one.bad]
        self.services = services_of(scene)

    def readings(self) -> list[Reading]:
        judges = (
            self.provider,
            self.traffic,
            self.certificate,
            self.names,
            self.infrastructure,
            self.data,
            self.credential,
        )
        found = [one for judge in judges if (one := judge()) is not None]
        return sorted(found, key=lambda one: -one.strength)

    def provider(self) -> Reading | None:
        """A vendor says so itself, or what fails are calls to somebody who is not ours."""
        told = [
            one
            for one in self.scene.vendors
            if one.state not in _FINE and abs(one.from_us - self.onset_us) <= _TOLD_NEAR_US
        ]
        outside = [one for one in self.bad if external_host(one.text)]
        share = self.share(outside)
        if told and (share or self.speaks_of([one.vendor for one in told])):
            why = f"{told[0].vendor} reports: {told[0].text[:80]}"
            return Reading(Outside.PROVIDER, 0.97, why)
        if share >= 0.4:
            host = external_host(outside[0].text)
            return Reading(Outside.PROVIDER, 0.6 + 0.3 * share, f"calls to {host} fail")
        stranger, services = self.stranger()
        if stranger:
            partner = any(
                _PARTNER.search(one.series.name) or stranger in one.series.name.lower()
                for one in self.shifts
            )
            strength = 0.38 + 0.25 * (services > 1) + 0.22 * partner + 0.1 * bool(told)
            return Reading(Outside.PROVIDER, strength, f"calls to {stranger} fail")
        if told:
            why = f"{told[0].vendor} reports: {told[0].text[:80]}"
            return Reading(Outside.PROVIDER, 0.5, why)
        return None

    def stranger(self) -> tuple[str, int]:
        """Somebody named as the other side of failing calls who is none of our services, and in
        the messages of how many of our services.
        """
        ours = {stem(one) for one in self.services}
        said: dict[str, set[str]] = {}
        for one in self.grew:
            for name in _OTHER_SIDE.findall(one.text):
                low = next(part for part in name if part).lower()
                if {low, stem(low)} & ours or low in _NOT_A_NAME or low.endswith(_ENDINGS):
                    continue
                said.setdefault(low, set()).add(one.service)
        for name, services in said.items():
            services |= {one.service for one in self.bad if name in one.text.lower()}
        if not said:
            return "", 0
        name = max(said, key=lambda one: (len(said[one]), one))
        return name, len(said[name])

    def traffic(self) -> Reading | None:
        """Requests grow at the edge, and everywhere behind it by much the same factor."""
        rates = [one for one in self.shifts if _RATE.search(one.series.name) and one.ratio >= 1.5]
        if not rates or any(_AGAIN.search(one.text) for one in self.bad):
            return None
        edges = [one for one in rates if self.is_edge(one.series.service)]
        known = {one.service for one in self.scene.series if _RATE.search(one.name)}
        many = len({one.series.service for one in rates}) >= max(2, 0.7 * len(known))
        if not edges and not many:
            return None
        factor = max(one.peak / one.before if one.before else 10.0 for one in edges or rates)
        strength = min(0.95, 0.35 + 0.2 * factor) if many else min(0.6, 0.2 + 0.1 * factor)
        where = (edges or rates)[0].series.service
        return Reading(Outside.TRAFFIC, strength, f"{where} gets {factor:.1f} times the requests")

    def is_edge(self, service: str) -> bool:
        """Where requests enter: it calls others and is called by none, or its name says so."""
        called = {name for names in self.scene.calls.values() for name in names}
        return bool(_EDGE.search(service)) or (
            service in self.scene.calls and service not in called
        )

    def certificate(self) -> Reading | None:
        """Handshakes fail for a certificate, best with a countdown that crosses zero."""
        spoken = [one for one in self.bad if _CERTIFICATE.search(one.text)]
        ran_out = [
            one
            for one in self.scene.series
            if _EXPIRY.search(one.name)
            and any(after <= 0 < before for (_, before), (_, after) in pairwise(one.points))
        ]
        if spoken and ran_out:
            why = f"a certificate of {ran_out[0].service} ran out"
            return Reading(Outside.CERTIFICATE, 0.98, why)
        if spoken and self.share(spoken) >= _SPOKEN_SHARE:
            return Reading(Outside.CERTIFICATE, 0.9, spoken[0].text[:100])
        return None

    def names(self) -> Reading | None:
        """Names are not found any more."""
        spoken = [one for one in self.bad if _NAMES.search(one.text)]
        series = [one for one in self.shifts if _NAME_SERIES.search(one.series.name)]
        if not spoken or self.share(spoken) < _SPOKEN_SHARE:
            return None
        several = len({one.service for one in spoken}) >= 3
        strength = 0.55 + 0.2 * self.share(spoken) + 0.12 * bool(series) + 0.12 * several
        return Reading(Outside.NAMES, min(0.95, strength), spoken[0].text[:100])

    def infrastructure(self) -> Reading | None:
        """Machines, networks or disks speak of trouble, or their numbers do."""
        broken = [one for one in self.grew if _BROKEN.search(one.text)]
        strained = [one for one in self.grew if _STRAINED.search(one.text)]
        machines = [one for one in (*broken, *strained) if _MACHINES.search(one.service)]
        nodes = [one for one in self.shifts if _NODE_SERIES.search(one.series.name)]
        if not broken and not strained and not nodes:
            return None
        network = [
            one for one in nodes if _NETWORK_SERIES.search(one.series.name) and one.ratio > 3
        ]
        loud = self.share(broken) >= _SPOKEN_SHARE or bool(machines)
        tired = self.share(strained) >= _SPOKEN_SHARE or bool(machines)
        strength = 0.72 if (broken and loud) or network else 0.5 if strained and tired else 0.25
        strength += 0.13 * bool(machines) + 0.14 * bool(nodes)
        spoken = [*broken, *strained]
        why = spoken[0].text if spoken else f"{nodes[0].series.name} left its usual range"
        return Reading(Outside.INFRASTRUCTURE, min(0.95, strength), why[:100])

    def data(self) -> Reading | None:
        """Records from elsewhere cannot be used, best where one sender's alone cannot."""
        spoken = [one for one in self.bad if _DATA.search(one.text)]
        alone = self.one_of_a_family()
        if not spoken and not alone:
            return None
        places = [self.scene.alarm.text, self.scene.alarm.service]
        places += [f"{one.service} {one.text}" for one in self.scene.symptoms]
        arrived = any(_ARRIVAL.search(one) for one in places)
        strength = 0.4 * bool(spoken) + 0.2 * arrived + 0.3 * bool(alone)
        strength += 0.15 * self.share(spoken)
        why = f"only {alone} is hit" if alone else spoken[0].text
        return Reading(Outside.DATA, min(0.95, strength), why[:100])

    def one_of_a_family(self) -> str:
        """The member of a family of series (`rejects_a`, `rejects_b`, ...) that alone moved."""
        families: dict[tuple[str, str], set[str]] = {}
        for one in self.scene.series:
            head, _, member = one.name.rpartition("_")
            if head and member.isalpha():
                families.setdefault((one.service, head), set()).add(member)
        moved = {(one.series.service, one.series.name) for one in self.shifts}
        for (service, head), members in families.items():
            hit = [member for member in members if (service, f"{head}_{member}") in moved]
            if len(members) >= 3 and len(hit) == 1:
                return hit[0]
        return ""

    def credential(self) -> Reading | None:
        """A key ran out, or a vendor's quota did."""
        spoken = [one for one in self.bad if _CREDENTIAL.search(one.text)]
        if spoken and self.share(spoken) >= _SPOKEN_SHARE:
            return Reading(Outside.CREDENTIAL, 0.8, spoken[0].text[:100])
        turned_away = [one for one in self.shifts if _TURNED_AWAY.search(one.series.name)]
        if turned_away and turned_away[0].ratio > 3:
            why = f"{turned_away[0].series.name} rose from {turned_away[0].before:g}"
            return Reading(Outside.CREDENTIAL, 0.75, why)
        return None

    def share(self, some: Iterable[Symptom]) -> float:
        """The part of all bad messages that these make."""
        whole = sum(grown(one) for one in self.bad)
        return sum(grown(one) for one in some) / whole if whole else 0.0

    def speaks_of(self, vendors: Sequence[str]) -> bool:
        text = " ".join(one.text for one in self.bad).lower()
        return any(vendor.lower() in text for vendor in vendors)
