"""What `tillwatch doctor` says of the telemetry store's bounds."""

from __future__ import annotations

import pytest

from app.doctor import Finding, examine
from app.stores import settings_for
from kernel.clock import HOUR_US, FrozenClock
from kernel.database import Database
from kernel.telemetry_store.meta import Notes, Stretch
from kernel.telemetry_store.port import Batch
from kernel.telemetry_store.sqlite_store import SqliteTelemetryStore
from runbooks.models import SwitchRow


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


def telemetry(folder, clock: FrozenClock) -> Finding:
    found = examine(settings_for(folder), clock, environment={})
    return next(one for one in found if one.name == "telemetry")


def write(folder, clock: FrozenClock, **notes) -> None:
    store = SqliteTelemetryStore(settings_for(folder).telemetry_dir, clock)
    store.write_as("journal", Batch(9), Notes(clock.now_us(), **notes))
    store.close()


def test_all_is_well_where_nothing_is_left_out(tmp_path, clock):
    assert telemetry(tmp_path, clock).state == "ok"
    write(tmp_path, clock)
    assert telemetry(tmp_path, clock).state == "ok"


def test_values_beyond_their_budget_are_named_with_the_next_step(tmp_path, clock):
    write(tmp_path, clock, dropped={("shop", "order.id"): 12, ("shop", "x"): 3})
    found = telemetry(tmp_path, clock)
    assert (found.state, bool(found.fix)) == ("bad", True)
    assert "12 values of 'order.id' from 'shop'" in found.says
    clock.advance_s(2 * HOUR_US / 1_000_000)
    assert telemetry(tmp_path, clock).state == "ok"


def test_shedding_is_told_while_it_lasts(tmp_path, clock):
    write(tmp_path, clock, shed={("shop", "span"): 7}, stretch=Stretch(0, 9, 2))
    assert "debug logs and spans are not stored" in telemetry(tmp_path, clock).says
    clock.advance_s(60)
    assert telemetry(tmp_path, clock).state == "ok"


def test_it_says_who_switched_all_steps_off_and_how_they_come_on_again(tmp_path, clock):
    def steps() -> Finding:
        found = examine(settings_for(tmp_path), clock, environment={})
        return next(one for one in found if one.name == "steps")

    assert steps().state == "ok"
    database = Database(settings_for(tmp_path).control_url)
    database.create_all()
    row = SwitchRow(
        id=1, stopped=True, reason="odd flags", person_id="p", person_name="Ann", at_us=1
    )
    with database.unit_of_work() as session:
        session.add(row)
    assert steps().state == "off"
    assert "switched off by Ann" in steps().says
    assert "approval resume" in steps().fix
    database.close()
