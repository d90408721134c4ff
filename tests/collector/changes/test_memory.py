"""What the engine remembers of flags and files: bounded, and all or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.changes import memory as module
from collector.changes.evaluations import FlagKey
from collector.changes.flagd import FlagDefinition, FlagFile
from collector.changes.memory import ChangeMemory, Unit, Watched
from kernel.clock import DAY_US


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChangeMemory]:
    monkeypatch.setattr(module, "MAX_FLAGS_OF_SOURCE", 10)
    made = ChangeMemory(tmp_path / "changes.db")
    yield made
    made.close()


def key(number: int) -> FlagKey:
    return FlagKey("payments", "", "", f"flag-{number}")


def look(unit: Unit, numbers: range, seen_us: int) -> list[int]:
    """The flags that found room."""
    found = []
    for number in numbers:
        state = unit.flag("shop", key(number))
        if state is not None:
            state.seen_us = seen_us
            found.append(number)
    return found


def take(memory: ChangeMemory, numbers: range, seen_us: int = DAY_US) -> list[int]:
    with memory.unit() as unit:
        found = look(unit, numbers, seen_us)
        unit.finish("changes.journal", 1)
    return found


def test_a_source_has_room_for_so_many_flags_and_no_more(memory: ChangeMemory) -> None:
    assert take(memory, range(25)) == list(range(10))
    assert take(memory, range(25)) == list(range(10))


def test_known_flags_take_no_room_from_a_new_one(memory: ChangeMemory) -> None:
    take(memory, range(9))
    assert take(memory, range(10)) == list(range(10))


def test_a_flag_that_was_not_seen_for_a_week_makes_room(memory: ChangeMemory) -> None:
    take(memory, range(5))
    take(memory, range(5, 10), 9 * DAY_US)
    assert take(memory, range(5, 12), 9 * DAY_US) == list(range(5, 12))


def test_another_source_has_room_of_its_own(memory: ChangeMemory) -> None:
    take(memory, range(10))
    with memory.unit() as unit:
        assert unit.flag("other", key(0)) is not None


def fail(memory: ChangeMemory) -> None:
    with memory.unit() as unit:
        look(unit, range(3), DAY_US)
        unit.finish("changes.journal", 7)
        raise RuntimeError("the store is full")


def test_a_unit_that_fails_leaves_nothing(memory: ChangeMemory) -> None:
    with pytest.raises(RuntimeError):
        fail(memory)
    assert memory.position("changes.journal") == 0
    take(memory, range(1))
    assert memory.position("changes.journal") == 1


def test_a_source_that_names_every_file_anew_forgets_its_oldest(memory: ChangeMemory) -> None:
    flags = {"a": FlagDefinition("ENABLED", "on", "", "")}
    files = [FlagFile(f"service-{n}", "", "", flags) for n in range(102)]
    with memory.unit() as unit:
        for number, file in enumerate(files):
            assert unit.swap_file("ci", file, number) is None
        assert unit.swap_file("ci", files[-1], 200) == flags
        assert unit.swap_file("ci", files[0], 201) is None


def test_a_look_that_failed_keeps_what_was_read_before(memory: ChangeMemory) -> None:
    memory.note(Watched("flagd/a", "a.json", 5, 5, "read"))
    memory.note(Watched("flagd/a", "a.json", 9, problem="cannot be read"))
    assert memory.watched() == [Watched("flagd/a", "a.json", 9, 5, "read", "cannot be read")]


def test_what_is_looked_at_no_more_is_forgotten(memory: ChangeMemory) -> None:
    memory.note(Watched("flagd/a", "a.json", 5))
    memory.note(Watched("flagd/b", "b.json", 5))
    memory.only_watch({"flagd/b"})
    assert [one.what for one in memory.watched()] == ["flagd/b"]


def test_a_reader_without_an_engine_sees_nothing_yet(tmp_path: Path) -> None:
    reader = ChangeMemory(tmp_path / "not-made-yet.db")
    assert (reader.watched(), reader.position("changes.journal")) == ([], 0)
