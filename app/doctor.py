"""`tillwatch doctor`: what is configured, what is missing, and the next step, one line each."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import httpx2
from sqlalchemy.exc import SQLAlchemyError

from app.stores import schema_versions
from collector.limits import LimitsService
from kernel import strict_json
from kernel.clock import HOUR_US, Clock, rfc3339
from kernel.database import Database
from kernel.engine_status import read_status
from kernel.errors import BadInput, TillwatchError
from kernel.settings import KernelSettings
from kernel.telemetry_store.sqlite_store import SqliteTelemetryStore
from slo.ledger.progress import progress
from slo.ledger.schema import version_of
from slo.ledger.snapshot import copy_age_s

if TYPE_CHECKING:
    from triage.slack.watch import Outage

State = Literal["ok", "off", "bad"]
_MIN_FREE_BYTES = 1024**3
_ENGINE_STALE_S = 10.0
# A copy is due once a day, and looked for every 10 minutes.
_COPY_OLD_S = 25 * 3600.0
_MORE_ROOM = {
    "queue": "look at the disk's speed: too much waits for it",
    "memory": "let senders send smaller batches, or fewer at a time",
    "quota": "look whether the engine keeps up, or raise TILLWATCH_JOURNAL_MAX_BYTES",
    "disk": "free some disk space, or lower TILLWATCH_JOURNAL_RESERVE_BYTES",
}


@dataclass(frozen=True)
class Finding:
    """`off`: optional and not set up; `bad`: needs a hand. `fix` is the next step."""

    name: str
    state: State
    says: str
    fix: str = ""


def examine(
    settings: KernelSettings, clock: Clock, environment: Mapping[str, str] = os.environ
) -> list[Finding]:
    """All findings; nothing is changed."""
    checks: list[Callable[[], Finding]] = [
        _python,
        lambda: _folder(settings.data_dir),
        lambda: _control(settings),
        lambda: _service(settings),
        lambda: _engine(settings, clock),
        lambda: _objectives(settings),
        lambda: _policy(settings),
        lambda: _ledger(settings, clock),
        lambda: _telemetry(settings, clock),
        lambda: _model(environment),
        lambda: _slack(settings, clock, environment),
        lambda: _steps(settings),
        lambda: _heartbeat(environment),
        lambda: _webhooks(environment),
    ]
    return [check() for check in checks]


def render(document: Mapping[str, Any]) -> str:
    """Lines for people."""
    lines = []
    for finding in document["findings"]:
        lines.append(f"{finding['state']:4} {finding['name']:10} {finding['says']}")
        if finding["fix"]:
            lines.append(f"{'':15} -> {finding['fix']}")
    return "\n".join(lines)


def _python() -> Finding:
    return Finding("python", "ok", "Python " + ".".join(map(str, sys.version_info[:3])))


def _folder(data_dir: Path) -> Finding:
    if not data_dir.exists():
        return Finding("data", "bad", f"{data_dir} does not exist", "run `tillwatch serve` once")
    try:
        with tempfile.NamedTemporaryFile(dir=data_dir) as file:
            file.write(b"x")
            os.fsync(file.fileno())
        free = shutil.disk_usage(data_dir).free
    except OSError as error:
        fix = "free the disk or name another --data-dir"
        return Finding("data", "bad", f"{data_dir} cannot be written: {error.strerror}", fix)
    if free < _MIN_FREE_BYTES:
        says = f"{data_dir} has {free // 1024**2} MiB left"
        return Finding("data", "bad", says, "free some space: the journal stops on a full disk")
    return Finding("data", "ok", f"{data_dir}, {free // 1024**3} GiB free")


def _control(settings: KernelSettings) -> Finding:
    if not settings.database_url and not (settings.data_dir / "control.db").exists():
        return Finding("control", "bad", "no control database yet", "run `tillwatch serve` once")
    database = Database(settings.control_url)
    try:
        have, want = schema_versions(database)
    except TillwatchError as error:
        return Finding("control", "bad", error.message, error.hint)
    finally:
        database.close()
    if have != want:
        says = f"control database at version {have or 'none'}, needed {want}"
        return Finding("control", "bad", says, "run `tillwatch db upgrade`")
    return Finding("control", "ok", f"control database at version {have}")


def _service(settings: KernelSettings) -> Finding:
    url = settings.public_url.rstrip("/") + "/readyz"
    try:
        response = httpx2.get(url, timeout=3.0, trust_env=False)
    except (httpx2.TransportError, httpx2.InvalidURL) as error:
        fix = "start `tillwatch serve`, or set TILLWATCH_PUBLIC_URL to where it listens"
        return Finding("service", "bad", f"{url} does not answer ({error})", fix)
    if response.status_code != httpx2.codes.OK:
        says = f"{url} answers {response.status_code}: the journal cannot be written"
        return Finding("service", "bad", says, "look at disk space and at the log")
    refusing = _refusing(response.content)
    if refusing:
        says = f"{settings.public_url} refuses {', '.join(refusing)} for lack of room"
        reasons = " and ".join(dict.fromkeys(_MORE_ROOM.get(one, one) for one in refusing.values()))
        return Finding("service", "bad", says, reasons)
    return Finding("service", "ok", f"{settings.public_url} is ready")


def _refusing(body: bytes) -> Mapping[str, str]:
    """Class -> what there is too little of, as `/readyz` tells."""
    try:
        document = strict_json.loads(body)
        return {str(name): str(reason) for name, reason in document["refusing"].items()}
    except (BadInput, KeyError, TypeError, AttributeError):
        return {}


def _engine(settings: KernelSettings, clock: Clock) -> Finding:
    status = read_status(settings.data_dir)
    if status is None:
        return Finding("engine", "bad", "the engine never ran here", "start `tillwatch serve`")
    age_s = status.age_s(clock.now_us())
    if age_s > _ENGINE_STALE_S:
        says = f"the engine's last sign of life is {age_s:.0f} s old"
        return Finding("engine", "bad", says, "start `tillwatch serve`, or read its log")
    if status.failing:
        name, error = next(iter(status.failing.items()))
        return Finding("engine", "bad", f"{name} fails: {error}", "read the log for the cause")
    if status.not_judged:
        name, why = next(iter(status.not_judged.items()))
        says = f"{len(status.not_judged)} objective(s) cannot be judged; {name}: {why}"
        return Finding("engine", "bad", says, "read the log for the cause; the others are judged")
    return Finding("engine", "ok", f"alive, {len(status.times)} parts working")


def _objectives(settings: KernelSettings) -> Finding:
    """Late imports: only this line needs the reader of objective files."""
    from slo.last_good import load_running
    from slo.settings import SloSettings

    folder = SloSettings().slo_dir
    fix = "run `tillwatch slo validate` to see every fault, mend the files, then restart"
    try:
        catalogue = load_running(folder, settings.data_dir)
    except TillwatchError as error:
        return Finding("objectives", "bad", error.message, fix)
    if catalogue.fault:
        return Finding("objectives", "bad", catalogue.fault, fix)
    where = folder or "the shipped files"
    return Finding("objectives", "ok", f"{len(catalogue)} objectives of {where}")


def _policy(settings: KernelSettings) -> Finding:
    """Read anew: what the gate would go by after a restart."""
    from slo.last_good import load_running
    from slo.policy.catalogue import load_policies
    from slo.policy.settings import PolicySettings
    from slo.settings import SloSettings

    folder = PolicySettings().policy_dir
    fix = "run `tillwatch slo policy validate` to see every fault, mend the files, then restart"
    try:
        found = load_policies(folder, load_running(SloSettings().slo_dir, settings.data_dir))
    except TillwatchError:
        says = "not looked at: it names objectives, and there are none that can be used"
        return Finding("policy", "bad", says, "mend the objectives first")
    if not found.usable:
        says = f"the gate lets nothing pass: {len(found.problems)} fault(s), {found.problems[0]}"
        return Finding("policy", "bad", says, fix)
    where = folder or "the shipped files"
    count = len(found.policies)
    return Finding("policy", "ok", f"{count} polic{'y' if count == 1 else 'ies'} of {where}")


def _ledger(settings: KernelSettings, clock: Clock) -> Finding:
    """Does it keep up, and is there a copy to come back from?"""
    behind = progress(settings.ledger_path, settings.journal_path)
    if behind is not None:
        return Finding("ledger", "bad", behind.text, "wait; figures are old until it is done")
    if version_of(settings.ledger_path) is None:
        return Finding("ledger", "off", "nothing is counted yet", "start `tillwatch serve`")
    age_s = copy_age_s(settings.ledger_path, clock.now_us())
    if age_s is None:
        fix = "it is made within 10 minutes of the start; look for room on the disk"
        return Finding("ledger", "off", "there is no copy of the ledger yet", fix)
    if age_s > _COPY_OLD_S:
        says = f"its copy is {age_s / 3600:.0f} h old; the journal is trimmed no further"
        return Finding("ledger", "bad", says, "free some disk space, or read the log for the cause")
    return Finding("ledger", "ok", "it keeps up with the journal, and there is a copy of it")


def _telemetry(settings: KernelSettings, clock: Clock) -> Finding:
    """What is left out of the telemetry store to stay within its bounds."""
    store = SqliteTelemetryStore(settings.telemetry_dir, clock, settings.telemetry_retention_d)
    if warning := LimitsService(store, clock).warning():
        return Finding("telemetry", "bad", warning, "send fewer spans and debug logs, or sample")
    lately_us = clock.now_us() - HOUR_US
    recent = [one for one in store.dropped_values() if one.last_us >= lately_us]
    if not recent:
        return Finding("telemetry", "ok", "everything that arrives is stored")
    most = recent[0]
    says = f"{most.amount} values of {most.name[:80]!r} from {most.source[:80]!r} became __other__"
    fix = "take ids and other endless values out of metric attributes; see GET /api/limits"
    return Finding("telemetry", "bad", says, fix)


def _model(environment: Mapping[str, str]) -> Finding:
    if environment.get("OPENAI_API_KEY"):
        return Finding("model", "ok", "OPENAI_API_KEY is set")
    fix = "set OPENAI_API_KEY (and OPENAI_BASE_URL for another endpoint) to add model briefs"
    return Finding("model", "off", "no key: briefs are made by code alone", fix)


def _slack(settings: KernelSettings, clock: Clock, environment: Mapping[str, str]) -> Finding:
    names = ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET")
    missing = [name for name in names if not environment.get(name)]
    if len(missing) == len(names):
        fix = "set SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET to post to a channel: docs/slack.md"
        return Finding("slack", "off", "not connected: messages show on the incident page", fix)
    if missing:
        return Finding("slack", "bad", "half configured", f"set {missing[0]} too")
    found = _slack_outage(settings, clock)
    if found is not None:
        says = f"no message was taken since {rfc3339(found.since_us)}: {found.reason}"
        return Finding("slack", "bad", says, found.step)
    return Finding("slack", "ok", "bot token and signing secret are set")


def _slack_outage(settings: KernelSettings, clock: Clock) -> Outage | None:
    """Late import: only with Slack. A database that is away has a line of its own."""
    from triage.slack.watch import outage

    if not settings.database_url and not (settings.data_dir / "control.db").exists():
        return None
    database = Database(settings.control_url)
    try:
        with database.reading() as session:
            return outage(session, clock.now_us())
    except SQLAlchemyError:
        return None
    finally:
        database.close()


def _steps(settings: KernelSettings) -> Finding:
    """Late import, as above. A database that is away or older has a line of its own."""
    from runbooks.holding import off_words
    from runbooks.repository import switch

    on = Finding("steps", "ok", "approved steps are carried out")
    if not settings.database_url and not (settings.data_dir / "control.db").exists():
        return on
    database = Database(settings.control_url)
    try:
        with database.reading() as session:
            row = switch(session, lock=False)
    except SQLAlchemyError:
        return on
    finally:
        database.close()
    if row is None or not row.stopped:
        return on
    fix = "`tillwatch approval resume --reason WHY` switches them on again"
    return Finding("steps", "off", off_words(row), fix)


def _webhooks(environment: Mapping[str, str]) -> Finding:
    """Late imports: the providers' mappings are not needed for anything else that is asked here."""
    from collector.sources.keyring import SETTING, Keyring
    from collector.sources.registry import KINDS

    try:
        sources = Keyring.parse(environment.get(SETTING, ""), KINDS).all()
    except TillwatchError as error:
        return Finding("webhooks", "bad", error.message, error.hint)
    unarmed = [source.name for source in sources if not source.keys]
    if unarmed:
        says = f"{unarmed[0]} has no secret: nothing of it can be verified"
        return Finding("webhooks", "bad", says, f"put its signing secret into {SETTING}")
    if not sources:
        fix = f"set {SETTING} so that payment providers can tell outcomes: docs/webhooks.md"
        return Finding("webhooks", "off", "no provider may deliver", fix)
    names = ", ".join(source.name for source in sources)
    return Finding("webhooks", "ok", f"deliveries are verified for {names}")


def _heartbeat(environment: Mapping[str, str]) -> Finding:
    if environment.get("TILLWATCH_HEARTBEAT_URL"):
        return Finding("heartbeat", "ok", "TILLWATCH_HEARTBEAT_URL is set")
    fix = "set TILLWATCH_HEARTBEAT_URL, or load deploy/prometheus/tillwatch.rules.yml"
    return Finding("heartbeat", "off", "nobody outside is told when Tillwatch goes blind", fix)
