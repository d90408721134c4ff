"""Which change is blamed, which is only shown, and when nobody can tell."""

from __future__ import annotations

from kernel.clock import MINUTE_US, SECOND_US
from kernel.telemetry_store.port import ChangeRow
from triage.evidence.changes import Relation, Scene, rank_changes
from triage.evidence.evidence import Verdict

ONSET_US = 1_795_010_530 * SECOND_US
PROVIDER = {"provider": "adyen", "region": "eu-central"}


def change(service: str, before_s: float, kind="deploy", summary="", version="1", **attributes):
    at_us = ONSET_US - round(before_s * SECOND_US)
    return ChangeRow(1, 1, at_us, kind, service, summary, version, attributes=dict(attributes))


def scene(blamed=(), *, sharp=True, dependencies=()) -> Scene:
    return Scene(ONSET_US, "payments", dict(blamed), frozenset(dependencies), sharp)


def test_an_unrelated_deploy_is_shown_but_not_blamed_for_a_provider_that_fails():
    report = rank_changes([change("recommendations", 40)], scene(PROVIDER))
    assert report.verdict is Verdict.NOT_A_CHANGE_OF_OURS
    [one] = report.ranked
    assert one.relation is Relation.UNRELATED
    assert not one.blamed
    assert one.before_s == 40


def test_an_unrelated_deploy_rolled_out_to_the_region_is_not_blamed_either():
    deploy = change("recommendations", 40, region="eu-central", note="adyen")
    report = rank_changes([deploy], scene(PROVIDER))
    assert report.verdict is Verdict.NOT_A_CHANGE_OF_OURS


def test_a_flag_that_names_the_failing_provider_and_region_is_blamed():
    flag = change("routing", 20, kind="flag", summary="payment-routing.eu-central -> adyen")
    report = rank_changes([change("recommendations", 5), flag], scene(PROVIDER))
    assert report.verdict is Verdict.CHANGE_OF_OURS
    assert report.ranked[0].change is flag
    assert report.ranked[0].blamed
    assert not report.ranked[1].blamed


def test_a_deploy_of_the_failing_service_with_a_provider_that_fails_cannot_be_told():
    report = rank_changes([change("payments", 40)], scene(PROVIDER))
    assert report.verdict is Verdict.CANNOT_TELL
    assert not report.ranked[0].blamed


def test_failures_that_follow_a_release_are_blamed_on_its_deploy():
    deploy = change("payments", 60, version="7.0.1")
    report = rank_changes([change("payments", 5, version="x"), deploy], scene({"release": "7.0.1"}))
    assert report.verdict is Verdict.CHANGE_OF_OURS
    assert report.ranked[0].change is deploy
    assert report.ranked[0].blamed


def test_everything_failing_sharply_after_a_deploy_of_the_service_is_blamed_on_it():
    report = rank_changes([change("payments", 30)], scene())
    assert report.verdict is Verdict.CHANGE_OF_OURS
    assert report.ranked[0].blamed


def test_without_a_sharp_onset_nothing_is_blamed():
    report = rank_changes([change("payments", 30)], scene(sharp=False))
    assert report.verdict is Verdict.CANNOT_TELL


def test_a_change_after_the_onset_is_never_blamed():
    report = rank_changes([change("payments", -60)], scene())
    assert report.verdict is Verdict.CANNOT_TELL
    assert report.ranked[0].score == 0


def test_nearer_services_come_first_and_of_equal_ones_the_latest_before_the_onset():
    changes = [
        change("recommendations", 10),
        change("checkout", 30),
        change("payments", 600),
        change("payments", 60),
    ]
    report = rank_changes(changes, scene(dependencies=["checkout"]))
    assert [(one.change.service, one.before_s) for one in report.ranked] == [
        ("payments", 60),
        ("checkout", 30),
        ("payments", 600),
        ("recommendations", 10),
    ]


def test_changes_far_from_the_onset_are_not_listed():
    far = change("payments", 31 * MINUTE_US / SECOND_US)
    assert not rank_changes([far], scene()).ranked


def test_without_changes_and_without_a_slice_nobody_can_tell():
    assert rank_changes([], scene()).verdict is Verdict.CANNOT_TELL
    assert rank_changes([], scene(PROVIDER)).verdict is Verdict.NOT_A_CHANGE_OF_OURS
