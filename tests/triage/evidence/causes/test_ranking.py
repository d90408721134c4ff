"""Which change is blamed, which are shown beside each other, and when nobody is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from kernel.clock import MINUTE_US
from triage.evidence.causes.outside import Outside
from triage.evidence.causes.ranking import judge
from triage.evidence.causes.scene import (
    Alarm,
    Deployment,
    Scene,
    Series,
    Suspect,
    Symptom,
    VendorReport,
)
from triage.evidence.causes.suspicion import MAX_READ_CHARS, read_within
from triage.evidence.evidence import Verdict

NOON = 1_780_000_000_000_000
TIGHTER = (
    "-\tctx, stop := context.WithTimeout(ctx, 4*time.Second)\n"
    "+\tctx, stop := context.WithTimeout(ctx, 200*time.Millisecond)\n"
)
TIDIED = (
    "-\tc := r.Context()\n-\treturn fetch(c, q)\n+\tctx := r.Context()\n+\treturn fetch(ctx, q)\n"
)


def at(minute: float) -> int:
    return NOON + round(minute * MINUTE_US)


def steps(service: str, name: str, before: float, after: float, minute: int = 60) -> Series:
    return Series(
        service, name, [(at(n), before if n < minute else after) for n in range(minute + 20)]
    )


def suspect(ref: str, deployed: float | None, diff: str, **more: object) -> Suspect:
    """A change of `basket`, written ten minutes before it was deployed."""
    runs = () if deployed is None else (Deployment("basket", at(deployed)),)
    written = at(50 if deployed is None else deployed - 10)
    made = Suspect(ref, "code", written, "refactor", "", ("services/basket/client.go",), diff, runs)
    return replace(made, **more)  # type: ignore[arg-type]


def scene(*suspects: Suspect, **more: object) -> Scene:
    made = Scene(
        alarm=Alarm(at(65), "basket", "call_error_ratio", "basket calls fail"),
        symptoms=[
            Symptom("basket", "stock: context deadline exceeded", 900, 0, first_us=at(60)),
            Symptom("shopfront", "basket unavailable", 300, 0, first_us=at(61)),
        ],
        series=[steps("basket", "call_error_ratio", 0.01, 0.6)],
        suspects=suspects,
        deployments=[run for one in suspects for run in one.deployed],
        calls={"shopfront": frozenset({"basket"}), "basket": frozenset({"stock"})},
    )
    return replace(made, **more)  # type: ignore[arg-type]


def test_the_change_that_can_bring_about_what_shows_is_blamed_not_the_latest_one() -> None:
    judged = judge(scene(suspect("tighter", 55, TIGHTER), suspect("tidied", 59, TIDIED)))

    assert judged.verdict is Verdict.CHANGE_OF_OURS
    assert judged.blamed is not None
    assert judged.blamed.ref == "tighter"
    assert any("lowered from 4 to 0.2" in why for why in judged.blamed.why)


def test_what_ran_only_after_the_onset_is_not_blamed() -> None:
    judged = judge(scene(suspect("tighter", 64, TIGHTER)))

    assert judged.blamed is None
    assert judged.verdict is Verdict.CANNOT_TELL


def test_what_never_ran_is_not_blamed() -> None:
    assert judge(scene(suspect("tighter", None, TIGHTER))).blamed is None


def test_a_shared_library_rides_along_with_the_next_deployment_of_what_fails() -> None:
    library = suspect("library", None, TIGHTER, paths=("pkg/calls/client.go",), at_us=at(40))
    judged = judge(scene(library, suspect("tidied", 56, TIDIED)))

    assert judged.blamed is not None
    assert judged.blamed.ref == "library"


def test_two_that_explain_it_alike_are_shown_and_none_is_blamed() -> None:
    judged = judge(scene(suspect("one", 55, TIGHTER), suspect("other", 55, TIGHTER)))

    assert judged.blamed is None
    assert judged.verdict is Verdict.CHANGE_OF_OURS
    assert {one.ref for one in judged.candidates} == {"one", "other"}


def test_where_nothing_speaks_for_anybody_nobody_is_named() -> None:
    elsewhere = (Deployment("other", at(20)),)
    tidied = suspect("tidied", 20, TIDIED, paths=("services/other/x.go",))
    judged = judge(scene(replace(tidied, deployed=elsewhere)))

    assert judged.candidates == ()
    assert judged.verdict is Verdict.CANNOT_TELL


def test_a_series_that_moved_from_the_old_value_to_the_new_one_tells_the_change() -> None:
    smaller = suspect("smaller", 55, "-const most = 40\n+const most = 8\n")
    moved = steps("basket", "worker_slots", 40.0, 8.0, minute=56)
    without = judge(scene(smaller)).candidates
    given = judge(scene(smaller, series=[*scene().series, moved]))

    assert given.blamed is not None
    assert given.blamed.ref == "smaller"
    assert given.blamed.likelihood > max((one.likelihood for one in without), default=0.0)


Signs = Callable[[], Scene]
OUTSIDE: dict[Outside, Signs] = {
    Outside.PROVIDER: lambda: scene(
        symptoms=[Symptom("basket", "GET https://api.parcels.com/v2/rates returned 503", 900, 0)],
        vendors=[VendorReport("parcels", "major", "rates fail", at(58), at(70))],
    ),
    Outside.CERTIFICATE: lambda: scene(
        symptoms=[Symptom("basket", "tls: x509: certificate has expired", 900, 0, first_us=at(60))],
    ),
    Outside.NAMES: lambda: scene(
        symptoms=[Symptom("basket", "dial tcp: lookup stock: no such host", 900, 0)],
    ),
    Outside.INFRASTRUCTURE: lambda: scene(
        symptoms=[
            Symptom("basket", "handler was starved", 900, 0, first_us=at(60)),
            Symptom("kubelet", "Node n7 has MemoryPressure; evicting pods", 12, 0),
        ],
        series=[steps("n7", "node_memory_utilization", 0.4, 0.97)],
    ),
    Outside.TRAFFIC: lambda: scene(
        symptoms=[Symptom("shopfront", "worker pool saturated", 900, 0, first_us=at(61))],
        series=[
            steps(name, "requests_per_sec", 200.0, 1_300.0)
            for name in ("shopfront", "basket", "stock")
        ],
    ),
    Outside.DATA: lambda: scene(
        symptoms=[
            Symptom("basket", "cannot parse price in row 4411 of feed", 900, 0, first_us=at(60)),
            Symptom("importer", "supplier feed received", 1, 0, bad=False),
        ],
    ),
    Outside.CREDENTIAL: lambda: scene(
        symptoms=[Symptom("basket", "api key expired for geocoder", 900, 0, first_us=at(60))],
    ),
}


def test_each_cause_outside_of_our_changes_is_told_by_its_own_signs() -> None:
    for kind, signs in OUTSIDE.items():
        made = signs()
        judged = judge(replace(made, suspects=[suspect("tidied", 57, TIDIED)]))

        assert judged.blamed is not None, kind
        assert judged.blamed.outside is kind
        assert judged.verdict is Verdict.NOT_A_CHANGE_OF_OURS


def test_names_of_services_and_changes_do_not_matter() -> None:
    """Renamed throughout, a scene is judged the same: nothing is keyed on a name."""
    plain = scene(suspect("tighter", 55, TIGHTER), suspect("tidied", 59, TIDIED))
    names = {"basket": "unit-q", "stock": "unit-r", "shopfront": "unit-s"}

    def renamed(text: str) -> str:
        for old, new in names.items():
            text = text.replace(old, new)
        return text

    other = Scene(
        alarm=Alarm(plain.alarm.at_us, "unit-q", "call_error_ratio", "unit-q calls fail"),
        symptoms=[
            replace(one, service=renamed(one.service), text=renamed(one.text))
            for one in plain.symptoms
        ],
        series=[replace(one, service=renamed(one.service)) for one in plain.series],
        suspects=[
            replace(
                one,
                ref=f"x{one.ref}",
                paths=tuple(renamed(path) for path in one.paths),
                deployed=tuple(replace(r, service=renamed(r.service)) for r in one.deployed),
            )
            for one in plain.suspects
        ],
        deployments=[replace(one, service=renamed(one.service)) for one in plain.deployments],
        calls={renamed(a): frozenset(map(renamed, b)) for a, b in plain.calls.items()},
    )
    first, second = judge(plain), judge(other)

    assert first.blamed is not None
    assert second.blamed is not None
    assert second.blamed.ref == f"x{first.blamed.ref}"
    assert second.blamed.likelihood == first.blamed.likelihood


def test_of_many_huge_diffs_the_nearest_before_the_onset_are_read() -> None:
    huge = TIGHTER + "+# more\n" * 7_000
    suspects = [suspect(f"s{n}", 20 + n / 10, huge) for n in range(300)]
    edits = read_within(suspects, at(55))
    read = [ref for ref, edit in edits.items() if edit.pairs]

    assert len(edits) == 300
    assert 0 < len(read) * len(huge) <= MAX_READ_CHARS
    assert "s299" in read
    assert "s0" not in read


def test_one_odd_line_among_many_decides_nothing() -> None:
    """Words of networks, names and keys in a single message are no cause."""
    for odd in ("packet loss seen", "no such host: x", "api key expired for geocoder"):
        told = [*scene().symptoms, Symptom("basket", odd, 1, 0)]
        judged = judge(scene(suspect("tidied", 57, TIDIED), symptoms=told))

        assert judged.blamed is None or judged.blamed.outside is None


def test_trouble_began_no_later_than_it_was_known_to_burn() -> None:
    late = [replace(one, first_us=at(90)) for one in scene().symptoms]

    assert judge(scene(symptoms=late, series=[])).onset_us == at(65)
