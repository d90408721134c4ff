"""Each page in each of its states, as HTML and as JSON at the same address."""

from __future__ import annotations

import re

import pytest

from access.principal import Role
from dashboards.formatting import APPROVAL_STATES
from tests.dashboards import samples

JSON = {"Accept": "application/json"}
PAGES = ("/", "/incidents", "/runbooks", "/audit", "/deadletters", "/glossary")


def words(html: str) -> str:
    """The text of a page's content, in one line."""
    main = html.partition("<main")[2].partition("</main>")[0]
    main = re.sub(r"<script.*?</script>", " ", main, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))


@pytest.fixture
def reader(house):
    house.enter(Role.RESPONDER)
    return house


# --- empty -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/", "tillwatch slo validate"),
        ("/incidents", "tillwatch demo"),
        ("/runbooks", "tillwatch runbook lint"),
        ("/audit", "tillwatch audit list"),
        ("/deadletters", "tillwatch event send"),
    ],
)
def test_an_empty_page_teaches_the_next_command(reader, path, hint):
    reader.slos.clear()
    assert hint in words(reader.page(path))


# --- objectives ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/slos/payment-success"])
@pytest.mark.parametrize("state", ["ok", "no_data"])
def test_no_data_never_looks_good(reader, path, state):
    reader.slos = [samples.nothing_counted(state)]
    html = reader.page(path)
    assert "No data" in html
    assert 'class="state ok"' not in html
    assert not re.search(r"\b(100|0)(\.0+)? %", words(html).partition("Coverage")[0])


def test_the_reason_for_missing_data_stands_on_the_first_page_once(reader):
    silent = samples.slo("no_data", reason="nothing heard from shop for more than 5 min")
    reader.slos = [silent, silent]
    html = reader.page("/")
    assert html.count("No data: nothing heard from shop for more than 5 min.") == 1


@pytest.mark.parametrize(
    ("state", "word"),
    [("ok", "Kept"), ("at_risk", "At risk"), ("broken", "Broken"), ("no_data", "No data")],
)
def test_a_state_is_a_word_a_sign_and_a_colour(reader, state, word):
    reader.slos = [samples.slo(state)]
    for path in ("/", "/slos/payment-success"):
        assert word in words(reader.page(path))


def test_the_page_of_an_objective_explains_its_numbers(reader):
    reader.slos = [samples.slo("at_risk", bad_left=95)]
    reader.points = [
        {"at": samples.AT, "at_us": 1, "good": 3, "bad": 100, "excluded": 0, "sli": 0.03}
    ]
    html = reader.page("/slos/payment-success")
    assert "99.70 %" in html
    assert 'title="1 - bad / ((1 - target) x (good + bad))"' in html
    assert "gone in" in words(html)
    assert "over by 94 %" not in html
    assert "83.82" in html


def test_the_overview_puts_the_decision_before_the_table(reader):
    reader.slos = [samples.slo("broken")]
    reader.incidents = [samples.incident()]
    reader.approvals = [samples.approval()]
    text = words(reader.page("/"))
    assert text.index("Waiting for a decision") < text.index("Promises")
    assert text.index("Open incidents") < text.index("Promises")
    assert "77 of 230 failed; 2,967.32 EUR not taken" in text


def test_refused_alert_posts_stand_on_the_first_page(reader):
    reader.health = samples.health("too large")
    assert "2 alert posts were refused with 413" in words(reader.page("/"))


def test_an_engine_that_is_behind_is_told_on_every_page(reader):
    reader.stale = "The engine was last heard 25 s ago."
    for path in PAGES:
        assert "The engine was last heard 25 s ago." in reader.page(path)


# --- incidents -------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["open", "acknowledged", "resolved"])
def test_an_incident_in_each_state(reader, state):
    reader.incidents = [samples.incident(state, taken_by="p1" if state != "open" else "")]
    reader.names = {"p1": "Ada"}
    html = reader.page("/incidents/INC-1")
    assert ("Acknowledge</button>" in html) == (state == "open")
    assert ("taken by Ada" in words(html)) == (state != "open")


def test_an_incident_that_just_opened_says_what_is_not_known_yet(reader):
    reader.incidents = [samples.incident(brief=None, impact=None, evidence=[], alerts=[])]
    text = words(reader.page("/incidents/INC-1"))
    assert "No brief yet" in text
    assert "Not measured yet" in text


@pytest.mark.parametrize(
    ("state", "text"), [("broken", "0 a minute"), ("no_data", "Failing now ? No data")]
)
def test_a_rate_of_zero_is_no_good_news_while_nothing_is_heard(reader, state, text):
    quiet = samples.impact().model_copy(update={"orders_per_minute": 0.0})
    reader.incidents, reader.slos = [samples.incident(impact=quiet)], [samples.slo(state)]
    assert text in words(reader.page("/incidents/INC-1"))


def test_a_stale_incident_can_be_closed_by_a_person(reader):
    reader.incidents = [samples.incident(stale=True)]
    html = reader.page("/incidents/INC-1")
    assert f'action="/api/incidents/{samples.INCIDENT_ID}/close"' in html


@pytest.mark.parametrize("state", sorted(APPROVAL_STATES))
def test_a_step_in_each_state(reader, state):
    reader.incidents = [samples.incident()]
    reader.approvals = [samples.approval(state)]
    html = reader.page("/incidents/INC-1")
    assert APPROVAL_STATES[state][0] in words(html)
    assert ('value="approve"' in html) == (state in {"pending", "partially_approved"})
    able = {"partially_approved", "approved"}
    assert ("/revocation" in html) == (state in able)


def test_while_all_execution_is_off_every_page_says_so_and_why(reader):
    reader.execution = samples.switched_off()
    for path in ("/", "/incidents", "/policy", "/runbooks", "/audit", "/deadletters", "/glossary"):
        text = words(reader.page(path))
        assert "All execution is switched off by Ann since" in text, path
        assert "the flags look wrong" in text


@pytest.mark.parametrize(("role", "may"), [(Role.OWNER, True), (Role.RESPONDER, False)])
def test_only_who_may_switch_is_offered_the_switch(house, role, may):
    house.enter(role)
    assert ('action="/api/execution/stop"' in house.page("/runbooks")) == may


@pytest.mark.parametrize(
    ("held_for", "words_shown"),
    [("switch", "Switched off"), ("queue", "Comes later"), ("loop", "Did not help before")],
)
def test_what_is_held_is_text_and_says_what_for(reader, held_for, words_shown):
    reader.incidents = [samples.incident()]
    reader.approvals = [samples.approval("held", held_for=held_for)]
    html = reader.page("/incidents/INC-1")
    assert words_shown in words(html)
    assert "/decision" not in html


def test_a_step_tells_how_long_each_person_thought_and_who_made_the_last_change(reader):
    reader.incidents = [samples.incident()]
    vote = samples.approval("approved").votes[0].model_copy(update={"after_s": 3})
    reader.approvals = [
        samples.approval("partially_approved", votes=[vote], change_author="octo-ben")
    ]
    text = words(reader.page("/incidents/INC-1"))
    assert "(3 s after it was asked)" in text
    assert "by octo-ben (nobody here is known by that name" in text


def test_a_decision_names_exactly_what_was_shown(reader):
    reader.incidents, reader.approvals = [samples.incident()], [samples.approval()]
    html = reader.page("/incidents/INC-1")
    digest = samples.approval().digest
    assert f'name="shown_hash" value="{digest}"' in html
    assert f"<code>{digest}</code>" in html
    csrf = reader.client.get("/api/me").json()["csrf"]
    assert f'name="csrf" value="{csrf}"' in html


def test_who_may_not_decide_is_told_and_sees_no_button(house):
    house.incidents, house.approvals = [samples.incident()], [samples.approval()]
    house.enter(Role.VIEWER)
    html = house.page("/incidents/INC-1")
    assert "<form" not in html.partition("<main")[2]
    assert "look, not decide" in html


def test_a_manual_step_that_runs_asks_whether_it_is_done(reader):
    reader.incidents = [samples.incident()]
    reader.approvals = [samples.approval("executing", kind="manual")]
    assert f"/api/approvals/{samples.APPROVAL_ID}/confirmation" in reader.page("/incidents/INC-1")


def test_the_card_is_shown_where_no_slack_shows_it(reader):
    reader.incidents = [samples.incident()]
    assert "As it would stand in Slack" not in reader.page("/incidents/INC-1")
    reader.slack = [
        {"type": "header", "text": {"text": "INC-1"}},
        {"type": "section", "text": {"text": "a <b> c"}, "fields": [{"text": "Since"}]},
        {"type": "context", "elements": [{"text": "open"}]},
        {"type": "actions", "elements": [{"text": {"text": "Approve"}}]},
    ]
    assert "a &lt;b&gt; c" in reader.page("/incidents/INC-1")


# --- reference pages -------------------------------------------------------------------------


def test_the_audit_page_tells_signed_from_unsigned(reader):
    reader.records = [samples.record("x", None), samples.record("x")]
    reader.checkpoint = samples.checkpoint()
    text = words(reader.page("/audit"))
    assert "not signed yet" in text
    assert "8 records are covered by a signature" in text


def test_older_records_are_one_link_away(reader):
    reader.records = [samples.record("x", seq) for seq in range(80, 30, -1)]
    html = reader.page("/audit?type=approval.requested")
    assert "/audit?before=31&amp;type=approval.requested" in html


def test_a_support_text_behind_an_address_is_no_part_of_the_link(reader):
    page = samples.runbook("x")
    page["contacts"][0]["support"] = "https://support.example.com/contact (24 h)"
    reader.runbooks = [page]
    html = reader.page("/runbooks/payment-provider-outage")
    assert 'href="https://support.example.com/contact"' in html


# --- doors -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*PAGES, "/slos/payment-success", "/incidents/INC-1"])
def test_without_a_login_a_page_leads_to_the_login_and_back(house, path):
    answer = house.client.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/login?next={path}"
    twin = house.client.get(path, headers=JSON)
    assert (twin.status_code, twin.json()["code"]) == (401, "not_authenticated")


@pytest.mark.parametrize("path", [*PAGES, "/slos/payment-success"])
def test_a_role_that_may_not_look_is_refused(house, path):
    house.enter(Role.INGEST)
    for accept in ("text/html", "application/json"):
        assert house.client.get(path, headers={"Accept": accept}).status_code == 403


def test_the_json_twin_stands_at_the_same_address(reader):
    reader.incidents = [samples.incident()]
    reader.records = [samples.record("x")]
    reader.runbooks = [samples.runbook("x")]
    ask = reader.client.get
    assert ask("/slos/payment-success", headers=JSON).json()["sli"] == 0.997
    assert ask("/", headers=JSON).json()["slos"][0]["id"] == "payment-success"
    assert ask("/incidents", headers=JSON).json()[0]["number"] == "INC-1"
    assert ask("/incidents/INC-1", headers=JSON).json()["evidence"][0]["from"] == samples.AT
    assert ask("/audit", headers=JSON).json()[0]["seq"] == 7
    assert ask("/runbooks", headers=JSON).json()[0]["id"] == "payment-provider-outage"
    assert ask("/deadletters", headers=JSON).json()["deadletters"] == []
    assert "objective" in ask("/glossary", headers=JSON).json()["glossary"]


def test_what_is_not_there_is_a_404_in_the_asked_form(reader):
    assert "404" in reader.client.get("/slos/none", headers={"Accept": "text/html"}).text
    twin = reader.client.get("/incidents/INC-9", headers=JSON)
    assert (twin.status_code, twin.json()["code"]) == (404, "not_found")


def test_pages_are_never_kept_by_caches(reader):
    for accept in ("text/html", "application/json"):
        answer = reader.client.get("/", headers={"Accept": accept})
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["vary"] == "Accept"


# --- dead letters ----------------------------------------------------------------------------


def test_the_list_of_dead_letters_can_be_narrowed_to_a_rule_or_a_source(reader):
    reader.deadletters = [
        samples.refused_item("one"),
        samples.refused_item("other", id="r2:0", state="replayed"),
    ]
    everything = reader.page("/deadletters")
    assert "/deadletters/r1%3A3" in everything
    assert "Replay all that wait" in everything
    assert "3 older ones had to go" in words(everything)
    narrowed = reader.page("/deadletters?rule=other")
    assert "/deadletters/r1%3A3" not in narrowed
    assert "replayed" in words(narrowed)
    assert "at most 200" not in words(narrowed)  # none of these waits
    assert "None fits" in words(reader.page("/deadletters?source=nobody"))


def test_what_a_batch_came_to_is_told_once_it_is_done(reader):
    text = words(reader.page("/deadletters?stored=12&rejected=3&impossible=x"))
    assert "Replayed: 12 stored, 3 still bad ." in text or "12 stored, 3 still bad." in text
    assert "not possible" not in text


def test_a_letter_shows_its_item_and_what_a_replay_would_make_of_it(reader):
    reader.deadletters = [samples.refused_item("event.type.unknown", item={"type": "x"})]
    html = reader.page("/deadletters/r1:3")
    assert "It would be rejected again" in html
    assert "&#34;type&#34;: &#34;x&#34;" in html
    assert 'action="/api/deadletters/r1%3A3/replay"' in html
    assert "replayed in vain" in words(html).lower()
    now = {"id": "r1:3", "outcome": "impossible", "reason": "nothing of it is kept"}
    reader.deadletters = [samples.refused_item("x", item=None, now=now)]
    html = reader.page("/deadletters/r1:3")
    assert "Nothing of it is kept." in words(html)
    assert "<form" not in html.partition("<main")[2]


def test_a_letter_that_was_put_right_offers_nothing_more(reader):
    done = {"state": "replayed", "replayed_at": samples.AT, "replayed_as": "r9"}
    reader.deadletters = [samples.refused_item("x", **done)]
    html = reader.page("/deadletters/r1:3")
    assert "It counts once" in html
    assert "<form" not in html.partition("<main")[2]


def test_whoever_may_not_replay_is_not_offered_to(house):
    house.enter(Role.VIEWER)
    house.deadletters = [samples.refused_item("x")]
    for path in ("/deadletters", "/deadletters/r1:3"):
        assert "<form" not in house.page(path).partition("<main")[2]
    assert "Responders and admins" in house.page("/deadletters/r1:3")


@pytest.mark.parametrize(
    ("asked", "said"),
    [("on_call", "on-call"), ("secondary", "the second on-call"), ("paging", "by page")],
)
def test_a_step_that_nobody_answers_tells_who_was_asked_further(reader, asked, said):
    reader.incidents, reader.approvals = [samples.incident()], [samples.approval(asked=asked)]
    assert f"Unanswered asked further: {said}" in words(reader.page("/incidents/INC-1"))
