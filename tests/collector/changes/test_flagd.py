"""flagd's files: what differs between two, posted or watched, and what a broken one does."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.changes.file_watch import MAX_FILE_BYTES, FlagFileWatch
from collector.changes.flagd import MAX_CHANGES, MEDIA_TYPE, differences, flag_set
from collector.changes.flagd_intake import FlagdIntake
from kernel.clock import SECOND_US, rfc3339
from kernel.errors import BadInput
from kernel.journal import JournalReader, Stream
from tests.collector.world import World

FLAG: Mapping[str, Any] = {
    "state": "ENABLED",
    "variants": {"on": True, "off": False},
    "defaultVariant": "off",
}
RULE = {"if": [{"in": ["@example.com", {"var": "email"}]}, "on"]}
DEFINITIONS = st.fixed_dictionaries(
    {
        "state": st.sampled_from(["ENABLED", "DISABLED"]),
        "variants": st.dictionaries(
            st.sampled_from(["on", "off", "blue"]),
            st.booleans() | st.integers(0, 9),
            min_size=1,
        ),
        "targeting": st.none() | st.just({}) | st.just(RULE) | st.just({"if": [{"$ref": "staff"}]}),
    }
)
FILES = st.fixed_dictionaries(
    {"flags": st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), DEFINITIONS)},
    optional={"$evaluators": st.dictionaries(st.just("staff"), st.integers(0, 3))},
)


def file(**changed: Any) -> dict[str, Any]:
    return {"flags": {"checkout": {**FLAG, **changed}}}


def difference(before: Any, after: Any) -> list[tuple[str, str]]:
    return differences(flag_set(before), flag_set(after))


@given(FILES)
def test_the_same_file_is_no_change(document: Any) -> None:
    assert difference(document, json.loads(json.dumps(document))) == []


@given(FILES, st.randoms(use_true_random=False))
def test_the_order_of_keys_is_no_change(document: Any, shuffle: Any) -> None:
    names = list(document["flags"])
    shuffle.shuffle(names)
    flags = {name: dict(reversed(document["flags"][name].items())) for name in names}
    assert difference(document, {**document, "flags": flags}) == []


@given(FILES, FILES)
def test_each_flag_is_told_once_and_back_again_as_often(before: Any, after: Any) -> None:
    there, back = difference(before, after), difference(after, before)
    assert [name for name, _ in there] == [name for name, _ in back]
    assert len({name for name, _ in there}) == len(there)
    changed = {*before["flags"]} ^ {*after["flags"]}
    assert changed <= {name for name, _ in there}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"state": "DISABLED"}, "enabled → disabled"),
        ({"defaultVariant": "on"}, "default off → on"),
        ({"defaultVariant": None}, "default off → no variant"),
        ({"targeting": RULE}, "targeting added"),
        ({"variants": {"on": 1, "off": False}}, "values of its variants changed"),
        ({"state": "DISABLED", "defaultVariant": "on"}, "enabled → disabled, default off → on"),
    ],
)
def test_a_difference_says_what_differs(changed: dict[str, Any], said: str) -> None:
    assert difference(file(), file(**changed)) == [("checkout", said)]


def test_targeting_that_changes_or_goes_is_said() -> None:
    other = {"if": [True, "on"]}
    assert difference(file(targeting=RULE), file(targeting=other)) == [
        ("checkout", "targeting changed")
    ]
    assert difference(file(targeting=RULE), file(targeting={})) == [
        ("checkout", "targeting removed")
    ]


def test_a_shared_rule_changes_those_flags_that_name_it() -> None:
    flags = {"named": {**FLAG, "targeting": {"if": [{"$ref": "staff"}, "on"]}}, "not": dict(FLAG)}
    before = {"flags": flags, "$evaluators": {"staff": {"in": ["a", {"var": "email"}]}}}
    after = {"flags": flags, "$evaluators": {"staff": {"in": ["b", {"var": "email"}]}}}
    assert difference(before, after) == [("named", "targeting changed")]


def test_flags_that_come_and_go_are_said() -> None:
    assert difference({"flags": {}}, file()) == [("checkout", "added (enabled, off by default)")]
    assert difference(file(), {"flags": {}}) == [("checkout", "removed")]


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([], "$.flags"),
        ({"flags": []}, "$.flags"),
        ({"flags": {"a": 1}}, "$.flags.a"),
        ({"flags": {"": FLAG}}, "$.flags."),
        (file(state="enabled"), "$.flags.checkout.state"),
        (file(variants={}), "$.flags.checkout.variants"),
        (file(defaultVariant="blue"), "$.flags.checkout.defaultVariant"),
        (file(defaultVariant=["on"]), "$.flags.checkout.defaultVariant"),
        ({"flags": {f"f{n}": FLAG for n in range(2_001)}}, "$.flags"),
    ],
)
def test_a_malformed_file_is_refused_with_the_place(document: Any, path: str) -> None:
    with pytest.raises(BadInput) as caught:
        flag_set(document)
    assert caught.value.path == path


def post(world: World, document: Any, query: str = "?service=payments") -> Any:
    body = document if isinstance(document, bytes) else json.dumps(document)
    headers = {"Content-Type": f"{MEDIA_TYPE}; charset=utf-8"}
    return world.client().post(f"/api/changes{query}", content=body, headers=headers)


def answer(world: World) -> dict[str, Any]:
    world.project()
    found: dict[str, Any] = world.client("viewer-token").get("/api/changes?limit=1000").json()
    return found


def summaries(world: World) -> list[str]:
    return [one["summary"] for one in answer(world)["changes"]]


def test_a_posted_file_is_compared_with_the_one_before(world: World) -> None:
    query = "?service=payments&environment=prod&set=shop"
    assert post(world, file(), query).status_code == 202
    post(world, file(), query)
    assert summaries(world) == []
    world.clock.advance_s(60)
    post(world, file(defaultVariant="on"), query)
    [found] = answer(world)["changes"]
    assert found["summary"] == "flag checkout: default off → on"
    assert (found["kind"], found["service"], found["environment"]) == ("flag", "payments", "prod")
    assert (found["source"], found["at"]) == ("shop", rfc3339(world.clock.now_us()))
    assert found["attributes"] == {
        "flag": "checkout",
        "flag_set": "shop",
        "found_in": "flagd file",
    }


def test_sets_and_services_are_compared_each_with_their_own(world: World) -> None:
    for query in ("?service=a", "?service=b", "?service=a&set=x", "?service=a&environment=y"):
        post(world, file(), query)
        post(world, {"flags": {}}, query)
    assert len(summaries(world)) == 4


def test_the_wrapped_form_names_its_service_itself(world: World) -> None:
    for state in ("ENABLED", "DISABLED"):
        wrapped = {"flagd": file(state=state), "service": "payments", "environment": "prod"}
        assert post(world, wrapped, "").status_code == 202
    assert summaries(world) == ["flag checkout: enabled → disabled"]


@pytest.mark.parametrize(
    ("document", "query", "path"),
    [
        (file(), "", "service"),
        (file(), "?service=" + "s" * 201, "service"),
        (b"{", "?service=a", "$"),
        ({"flagd": file(), "team": "x"}, "?service=a", "$.team"),
        ({"flagd": file(), "service": 5}, "?service=a", "$"),
    ],
)
def test_a_post_that_cannot_be_read_says_why_and_is_a_dead_letter(
    world: World, document: Any, query: str, path: str
) -> None:
    refused = post(world, document, query)
    assert (refused.status_code, refused.json()["path"]) == (400, path)
    [letter] = world.letters.list()
    assert (letter["format"], letter["path"]) == ("flagd", path)
    assert (letter["rule"][:6], letter["schema"]) == ("flagd.", "flagd/1")
    assert letter["length"] > 0


def test_a_malformed_post_leaves_what_was_known_before(world: World) -> None:
    post(world, file())
    refused = post(world, file(state="OFF"))
    assert refused.status_code == 400
    assert refused.json()["path"] == "$.flags.checkout.state"
    post(world, file())
    assert summaries(world) == []


def test_targeting_rules_never_reach_the_disk(world: World) -> None:
    post(world, file(targeting={"in": ["secret-customer", {"var": "customer"}]}))
    assert b"secret-customer" not in world.journal_bytes()


def test_a_file_in_which_everything_changed_is_told_within_bounds(world: World) -> None:
    flags = {f"f{n:03d}": dict(FLAG) for n in range(MAX_CHANGES + 30)}
    post(world, {"flags": flags})
    post(world, {"flags": {name: {**one, "state": "DISABLED"} for name, one in flags.items()}})
    told = summaries(world)
    assert len(told) == MAX_CHANGES + 1
    assert "30 more flags changed with them" in told


class Watch:
    """A watched file, and the watch of an engine that looks when told to."""

    def __init__(self, world: World, path: Path) -> None:
        self.world, self.path = world, path
        self.begin()

    def begin(self) -> None:
        world = self.world
        self.watch = FlagFileWatch(
            {"payments": self.path},
            FlagdIntake(world.redactor),
            world.derived,
            world.memory,
            world.clock,
        )

    def write(self, document: Any) -> None:
        """Written now, by the world's clock."""
        self.path.write_text(document if isinstance(document, str) else json.dumps(document))
        now_s = self.world.clock.now_us() / SECOND_US
        os.utime(self.path, (now_s, now_s))

    def look(self) -> dict[str, Any]:
        """What is said of the file after a look."""
        self.watch.look()
        [found] = answer(self.world)["watched"]
        return dict(found)


@pytest.fixture
def watch(world: World, tmp_path: Path) -> Watch:
    return Watch(world, tmp_path / "flags.flagd.json")


def test_a_watched_file_is_a_change_of_the_moment_it_was_written(watch: Watch) -> None:
    watch.write(file())
    assert watch.look()["name"] == "flagd/payments"
    watch.world.clock.advance_s(60)
    watch.write(file(state="DISABLED"))
    written = rfc3339(watch.world.clock.now_us())
    watch.world.clock.advance_s(7)
    said = watch.look()
    assert (said["problem"], said["read_at"]) == ("", rfc3339(watch.world.clock.now_us()))
    [found] = answer(watch.world)["changes"]
    assert found["summary"] == "flag checkout: enabled → disabled"
    assert (found["at"], found["source"]) == (written, "flagd/payments")


def test_a_file_moved_into_place_with_an_old_time_changed_when_it_was_seen(watch: Watch) -> None:
    watch.write(file())
    watch.look()
    watch.write(file(state="DISABLED"))
    os.utime(watch.path, (1, 1))
    watch.world.clock.advance_s(60)
    watch.look()
    assert answer(watch.world)["changes"][0]["at"] == rfc3339(watch.world.clock.now_us())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "malformed, the flags known before stay: $: not JSON"),
        (json.dumps(file(state="ON")), "$.flags.checkout.state: state is ENABLED or DISABLED"),
        (" " * (MAX_FILE_BYTES + 1), f"larger than {MAX_FILE_BYTES} bytes"),
    ],
)
def test_a_broken_file_changes_nothing_and_is_said(watch: Watch, content: str, said: str) -> None:
    watch.write(file())
    before = watch.look()
    watch.world.clock.advance_s(10)
    watch.write(content)
    broken = watch.look()
    assert said in broken["problem"]
    assert (broken["read_at"], broken["state"]) == (before["read_at"], "read")
    watch.write(file())
    assert watch.look()["problem"] == ""
    assert answer(watch.world)["changes"] == []


def test_a_file_that_is_gone_is_said_and_removes_no_flags(watch: Watch) -> None:
    watch.write(file())
    watch.look()
    watch.path.unlink()
    assert watch.look()["problem"] == "cannot be read: No such file or directory"
    assert answer(watch.world)["changes"] == []


def test_a_file_that_stays_is_written_once_and_a_restart_is_no_change(watch: Watch) -> None:
    watch.write(file())
    for _ in range(3):
        watch.look()
    reader = JournalReader(watch.world.derived_path)
    assert len(reader.read([Stream.RAW], 0)) == 1
    watch.world.memory.close()
    watch.world.restart()
    watch.begin()
    watch.look()
    assert answer(watch.world)["changes"] == []
    reader.close()


def test_what_changed_while_the_engine_was_away_is_found(watch: Watch) -> None:
    watch.write(file())
    watch.look()
    answer(watch.world)
    watch.world.memory.close()
    watch.world.restart()
    watch.begin()
    watch.write(file(defaultVariant="on"))
    watch.look()
    assert summaries(watch.world) == ["flag checkout: default off → on"]
