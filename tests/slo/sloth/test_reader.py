"""A spec is taken whole or refused with every fault; nothing is dropped without a word."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from slo.sloth import is_sloth, read_sloth
from tests.slo.sloth.specs import ERRORS, TOTAL, faults, kubernetes, one_slo, reading, spec


def test_a_spec_gives_its_slo_with_labels_of_service_and_slo() -> None:
    labels = {"owner": "team", "tier": "2"}
    found = reading(spec(one_slo(labels={"tier": "1"}), labels=labels))
    (slo,) = found.slos
    assert (slo.id, slo.objective_percent, slo.labels) == (
        "shop-requests",
        99.9,
        {"owner": "team", "tier": "1"},
    )
    assert slo.page is not None
    assert slo.ticket is not None
    assert (found.problems, found.notes) == ([], [])


def test_the_kubernetes_form_says_the_same() -> None:
    (slo,) = reading(kubernetes()).slos
    assert (slo.id, slo.spec) == ("shop-requests", "sloth.slok.dev/v1")
    assert slo.page is not None
    assert slo.page.labels == {"to": "team"}
    assert slo.indicator.error_query == ERRORS


def test_several_documents_are_one_reading() -> None:
    found = reading(spec(), spec(service="till"), kubernetes(metadata={"name": "x"}))
    assert [one.id for one in found.slos] == ["shop-requests", "till-requests", "shop-requests"]
    assert [one.reason for one in found.problems] == ["this service and name stand for two SLOs"]


def test_all_faults_of_a_spec_are_told_at_once_with_their_places() -> None:
    bad = one_slo(
        name="-x",
        objective=101,
        sli={"events": {"error_query": "up", "total_query": "sum(up[{{.window}}]"}},
        alerting={"name": "", "labels": {"0x": "y"}, "page_alert": {"disable": "yes"}},
        objectiv=1,
    )
    found = faults(spec(bad, service=None))
    wanted = [
        "$.service: this field is missing",
        "$.slos[0].objectiv: unknown field; did you mean",
        "$.slos[0].name: letters, digits, dots",
        "$.slos[0].objective: must lie above 0 and below 100 percent (found 101)",
        "$.slos[0].sli.events.error_query: {{.window}} must occur",
        "$.slos[0].sli.events.total_query: not PromQL: '(' is never closed",
        "$.slos[0].alerting.labels.0x: not a label name",
        "$.slos[0].alerting.page_alert.disable: true or false is wanted",
        "$.slos[0].alerting.name: an alert that is not switched off needs a name",
    ]
    assert len(found) == len(wanted)
    for start in wanted:
        assert any(one.startswith(start) for one in found), start


@pytest.mark.parametrize(
    ("slo", "reason"),
    [
        (one_slo(objective=100), "100 leaves no budget"),
        (one_slo(objective=0), "above 0"),
        (one_slo(objective="99.9"), "a number of percent"),
        (one_slo(sli={}), "exactly one of events, raw and plugin"),
        (
            one_slo(
                sli={
                    "raw": {"error_ratio_query": ERRORS},
                    "events": {"error_query": ERRORS, "total_query": TOTAL},
                }
            ),
            "exactly one",
        ),
        (one_slo(sli={"events": {"error_query": TOTAL, "total_query": TOTAL}}), "ask the same"),
        (one_slo(sli={"raw": {"error_ratio_query": "{{.service}}"}}), "only {{.window}}"),
        (one_slo(sli={"raw": {"error_ratio_query": 'up{a="b}[{{.window}}]'}}), "never closed"),
        (one_slo(sli={"plugin": {"id": "team/availability"}}), "Go program that Sloth runs"),
        (one_slo(plugins={"chain": [{"id": "sloth.dev/contrib/x/v1"}]}), "Go program"),
        (one_slo(labels={"tier": 2}), "put it in quotes"),
        (one_slo(labels={"__name": "x"}), "not a label name"),
        (one_slo(alerting=None), "this field is missing"),
    ],
)
def test_what_sloth_would_run_into_is_refused_with_its_reason(slo: dict, reason: str) -> None:
    assert any(reason in one for one in faults(spec(slo)))


def test_the_misspelled_alert_of_sloths_own_valid_specs_is_read_as_meant_with_a_note() -> None:
    alerting = {"name": "A", "pageAlert": {"labels": {"to": "team"}}}
    found = reading(spec(one_slo(alerting=alerting)))
    assert found.problems == []
    assert found.slos[0].page.labels == {"to": "team"}
    assert "the Kubernetes spelling, read as page_alert" in found.notes[0]


def test_the_other_spelling_in_kubernetes_is_a_fault() -> None:
    slo = one_slo(sli={"raw": {"error_ratio_query": ERRORS}})
    found = faults(kubernetes(spec={"service": "shop", "slos": [slo]}))
    assert any('unknown field; did you mean "errorRatioQuery"' in one for one in found)


def test_alerts_that_are_switched_off_need_no_name() -> None:
    off = {"page_alert": {"disable": True}, "ticket_alert": {"disable": True}}
    (slo,) = reading(spec(one_slo(alerting=off))).slos
    assert (slo.page, slo.ticket) == (None, None)


def test_the_one_core_plugin_with_a_choice_is_honoured() -> None:
    chain = [{"id": "sloth.dev/core/sli_rules/v1", "config": {"disableOptimized": True}}]
    (slo,) = reading(spec(one_slo(plugins={"chain": chain}))).slos
    assert slo.weighted_period
    chain[0]["config"] = {"disableOptimised": True}
    assert any("did you mean" in one for one in faults(spec(one_slo(plugins={"chain": chain}))))


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"version": "prometheus/v2"}, '"prometheus/v1", a PrometheusServiceLevel'),
        ({"apiVersion": "sloth.slok.dev/v1", "kind": "ServiceLevel"}, "PrometheusServiceLevel"),
        ({"service": "x"}, "is wanted"),
        (["x"], "a mapping"),
        (spec(slos=[]), "at least one SLO"),
        ({"apiVersion": "openslo/v1alpha", "kind": "SLO"}, "missing"),
    ],
)
def test_other_documents_are_refused(document: object, reason: str) -> None:
    assert any(reason in one for one in faults(document))


def test_openslo_alpha_is_refused_where_sloth_could_not_measure_it() -> None:
    metric = {"source": "datadog", "queryType": "promql", "query": TOTAL}
    document = {
        "apiVersion": "openslo/v1alpha",
        "kind": "SLO",
        "metadata": {"name": "x"},
        "spec": {
            "service": "shop",
            "budgetingMethod": "Timeslices",
            "timeWindows": [{"unit": "Month", "count": 1}],
            "objectives": [{"target": 1.0, "ratioMetrics": {"good": metric, "total": metric}}],
        },
    }
    found = faults(document)
    for reason in ("occurrences only", '"Day" is wanted', "below 1", "one of prometheus, sloth"):
        assert any(reason in one for one in found), reason


def test_a_text_says_whether_it_is_for_sloth() -> None:
    assert is_sloth(yaml.safe_dump(spec()))
    assert is_sloth(yaml.safe_dump(kubernetes()))
    assert not is_sloth("apiVersion: openslo/v1\nkind: SLO\n")
    assert not is_sloth("a: [")
    assert not is_sloth("")


@given(st.text(max_size=200))
def test_no_text_makes_the_reader_fall(text: str) -> None:
    found = read_sloth(text)
    assert found.problems or found.slos


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 200) | st.text(max_size=6),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["version", "service", "slos", "sli", "events", "alerting", "labels", "plugins"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_no_shape_makes_the_reader_fall(value: object) -> None:
    document = {**spec(), **value} if isinstance(value, dict) else value
    found = reading(document)
    assert found.problems or found.slos
