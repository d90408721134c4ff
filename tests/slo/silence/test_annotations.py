"""What an objective's file may say of its week and of silence."""

from __future__ import annotations

from slo.openslo.annotations import read_annotations
from slo.openslo.problems import Problems


def read(**texts: str) -> tuple[dict[str, object], list[str]]:
    problems = Problems()
    values = {f"tillwatch/{name}": text for name, text in texts.items()}
    found = read_annotations(values, "$.metadata.annotations", problems)
    return found, [str(one) for one in problems.found]


def test_a_zone_and_a_switch_are_read() -> None:
    found, problems = read(zone="Europe/Berlin", silence="off")
    assert found == {"zone": "Europe/Berlin", "silence": False}
    assert problems == []


def test_a_zone_that_nobody_knows_and_half_a_switch_are_refused() -> None:
    found, problems = read(zone="Berlin", silence="maybe")
    assert found == {}
    assert any("Europe/Berlin" in one for one in problems)
    assert any('"on" or "off"' in one for one in problems)
