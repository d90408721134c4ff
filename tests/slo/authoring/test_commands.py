"""`tillwatch slo validate|import|export|plan` on files as people have them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.cli import run
from slo.catalogue import SHIPPED, Catalogue, read_folder
from slo.last_good import LastGood
from slo.openslo import read_openslo
from tests.shared_data import shared
from tests.slo.openslo.samples import GOOD

BROKEN = GOOD.replace("target: 0.999", "target: 1.0").replace("service:", "servce:")


@pytest.fixture(autouse=True)
def outside_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("TILLWATCH_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("TILLWATCH_SLO_DIR", raising=False)


def call(capsys, *arguments: str | Path):
    capsys.readouterr()
    code = run([*map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out)


def said(capsys, *arguments: str | Path) -> str:
    capsys.readouterr()
    run([*map(str, arguments)])
    return capsys.readouterr().out


def folder_with(path: Path, **files: str) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (path / f"{name}.yaml").write_text(text)
    return path


def content(folder: Path) -> dict[str, str]:
    return {str(one.relative_to(folder)): one.read_text() for one in folder.rglob("*.yaml")}


def test_validating_names_every_fault_with_path_value_and_reason(tmp_path, capsys):
    path = folder_with(tmp_path / "new", a=BROKEN) / "a.yaml"
    code, document = call(capsys, "slo", "validate", path)
    assert code == 1
    places = {one["path"]: one for one in document["problems"]}
    target = places["a.yaml#0 $.spec.objectives[0].target"]
    assert target["value"] == "1.0"
    assert "leaves no budget" in target["reason"]
    assert 'did you mean "service"?' in places["a.yaml#0 $.spec.servce"]["reason"]
    text = said(capsys, "slo", "validate", path)
    assert "a.yaml#0 $.spec.objectives[0].target: must be at least 0" in text
    assert text.endswith("0 objectives good, 3 faults\n")


def test_what_is_valid_and_measured_elsewhere_is_listed_apart(capsys):
    path = shared("vectors/openslo/examples/budgeting-method/occurences-slo.yaml")
    code, document = call(capsys, "slo", "validate", path)
    assert (code, document["objectives"], document["not_counted"]) == (0, [], ["search-slo"])
    assert "1 valid and not counted here" in said(capsys, "slo", "validate", path)


def test_a_spec_of_sloth_is_validated_by_its_own_rules(capsys):
    code, document = call(
        capsys, "slo", "validate", shared("vectors/sloth/examples/getting-started.yml")
    )
    assert (code, document["problems"]) == (0, [])
    assert document["kinds"] == {"Sloth": 1}


def test_an_import_brings_a_folder_that_loads(tmp_path, capsys):
    into = tmp_path / "objectives"
    code, document = call(capsys, "slo", "import", SHIPPED, "--into", into)
    assert code == 0
    assert content(into) == content(SHIPPED)
    assert document["written"] == sorted(content(SHIPPED))
    assert dict(Catalogue.load(into)) == dict(Catalogue.load(SHIPPED))
    code, document = call(capsys, "slo", "import", SHIPPED, "--into", into)
    assert (code, document["written"], len(document["kept"])) == (0, [], len(content(SHIPPED)))


def test_a_faulty_import_writes_nothing_at_all(tmp_path, capsys):
    source = folder_with(tmp_path / "new", a=GOOD, b=BROKEN.replace("payment-success", "other"))
    into = folder_with(tmp_path / "objectives")
    code, document = call(capsys, "slo", "import", source, "--into", into)
    assert code == 1
    assert {one["path"].partition("#")[0] for one in document["problems"]} == {"b.yaml"}
    assert document["written"] == []
    assert content(into) == {}
    assert "nothing is written" in said(capsys, "slo", "import", source, "--into", into)


def test_an_import_that_would_clash_with_the_folder_writes_nothing(tmp_path, capsys):
    source = folder_with(tmp_path / "new", again=GOOD)
    into = folder_with(tmp_path / "objectives", first=GOOD)
    code, document = call(capsys, "slo", "import", source, "--into", into)
    assert code == 1
    assert "stands in again.yaml#0 too" in document["problems"][0]["reason"]
    assert list(content(into)) == ["first.yaml"]


def test_a_file_is_replaced_only_by_force(tmp_path, capsys):
    source = folder_with(tmp_path / "new", a=GOOD.replace("0.999", "0.99"))
    into = folder_with(tmp_path / "objectives", a=GOOD)
    code, document = call(capsys, "slo", "import", source, "--into", into)
    assert code == 1
    assert "--force" in document["problems"][0]["reason"]
    assert content(into) == {"a.yaml": GOOD}
    code, _ = call(capsys, "slo", "import", source, "--into", into, "--force")
    assert code == 0
    assert content(into) == content(source)


@pytest.mark.parametrize(
    "name", ["getting-started.yml", "raw-home-wifi.yml", "openslo-getting-started.yml"]
)
def test_a_spec_of_sloth_becomes_openslo_that_is_valid_and_not_counted(tmp_path, capsys, name):
    into = tmp_path / "objectives"
    path = shared(f"vectors/sloth/examples/{name}")
    code, document = call(capsys, "slo", "import", path, "--into", into)
    assert code == 0
    assert document["written"] == [f"{path.stem}.yaml"]
    assert document["objectives"] == []
    assert any("the ledger does not count it" in text for text in document["notes"])
    reading = read_folder(into)
    assert (reading.problems, reading.objectives) == ([], [])
    assert len(reading.uncounted) == reading.kinds["SLO"] >= 1


def test_an_export_reads_back_as_the_catalogue(tmp_path, capsys):
    assert run(["db", "upgrade"]) == 0
    assert read_openslo(said(capsys, "slo", "export")).objectives == Catalogue.load().all()
    code, document = call(capsys, "slo", "export", "payment-latency")
    assert code == 0
    [found] = read_openslo(json.dumps(document)).objectives
    assert found == Catalogue.load()["payment-latency"]
    code, document = call(capsys, "slo", "export", "payment-latenci")
    assert (code, document["code"]) == (1, "not_found")


def test_a_plan_against_the_running_set_says_what_changes_and_what_that_means(tmp_path, capsys):
    data = tmp_path / "data"
    LastGood(data).keep(folder_with(tmp_path / "running", a=GOOD))
    wanted = folder_with(tmp_path / "wanted", a=GOOD.replace("0.999", "0.99"))
    code, document = call(capsys, "slo", "plan", wanted)
    assert code == 0
    [change] = document["changes"]
    assert (change["id"], change["change"]) == ("payment-success", "changed")
    assert not change["new_generation"]
    assert change["edits"][0]["after"] == "99"
    text = said(capsys, "slo", "plan", wanted, "--data-dir", data)
    assert "~ payment-success: changed, free" in text
    assert "objectives.targetPercent: 99.9 -> 99" in text
    assert call(capsys, "slo", "plan", tmp_path / "running")[1]["changes"] == []


def test_a_plan_of_a_faulty_folder_says_that_the_running_set_stays(tmp_path, capsys):
    LastGood(tmp_path / "data").keep(folder_with(tmp_path / "running", a=GOOD))
    wanted = folder_with(tmp_path / "wanted", a=BROKEN)
    code, document = call(capsys, "slo", "plan", wanted)
    assert (code, document["changes"], len(document["problems"])) == (1, [], 3)
    assert "the running set stays" in said(capsys, "slo", "plan", wanted)


def test_a_plan_that_would_leave_no_promise_is_refused(tmp_path, capsys):
    wanted = folder_with(tmp_path / "wanted", a=GOOD.replace("type: tillwatch", "type: Prometheus"))
    code, document = call(capsys, "slo", "plan", wanted)
    assert (code, document["changes"]) == (1, [])
    assert "a restart would refuse" in document["problems"][0]["reason"]


def test_a_plan_where_nothing_ever_ran_says_so(tmp_path, capsys):
    code, document = call(capsys, "slo", "plan")
    assert code == 0
    assert {one["change"] for one in document["changes"]} == {"new"}
    assert "everything is new" in document["notes"][-1]


def test_a_plan_shows_what_each_changed_objective_would_have_done_on_own_history(tmp_path, capsys):
    data = tmp_path / "data"
    LastGood(data).keep(folder_with(tmp_path / "running", a=GOOD))
    wanted = folder_with(tmp_path / "wanted", a=GOOD.replace("0.999", "0.99"))
    assert "no backtest" in call(capsys, "slo", "plan", wanted)[1]["notes"][-1]
    assert run(["db", "upgrade", "--data-dir", str(data)]) == 0
    code, document = call(capsys, "slo", "plan", wanted, "--since", "2d")
    assert code == 0
    [change] = document["changes"]
    assert {moment: one["pages"] for moment, one in change["backtest"].items()} == {
        "before": 0,
        "after": 0,
    }
    text = said(capsys, "slo", "plan", wanted, "--since", "2d")
    assert "after: would have paged nobody in 2 days" in text
    assert "backtest" not in call(capsys, "slo", "plan", wanted, "--no-backtest")[1]["changes"][0]
