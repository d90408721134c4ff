"""`tillwatch slo rules`: the rules and nothing else on stdout."""

from __future__ import annotations

import json
from pathlib import Path

import typer
import yaml
from typer.testing import CliRunner

from slo.rules.cli import add_rules_commands
from tests.slo.sloth.specs import one_slo, spec


def run(*words: str | Path):
    cli = typer.Typer()
    add_rules_commands(cli)
    cli.callback()(lambda: None)
    return CliRunner().invoke(cli, ["rules", *map(str, words)])


def file(folder: Path, document: object, name: str = "spec.yml") -> Path:
    path = folder / name
    path.write_text(yaml.safe_dump(document))
    return path


def test_rules_of_a_spec_come_out_as_one_yaml_document(tmp_path: Path) -> None:
    done = run("--sloth", file(tmp_path, spec()), "--label", "env=prod")
    assert done.exit_code == 0
    groups = yaml.safe_load(done.stdout)["groups"]
    assert [len(group["rules"]) for group in groups] == [8, 7, 2]
    assert groups[0]["rules"][0]["labels"]["env"] == "prod"
    assert "((sum(rate(http_requests_total[30d]))) > 0)" in groups[0]["rules"][-1]["expr"]


def test_the_flag_gives_the_rules_that_sloth_writes(tmp_path: Path) -> None:
    path = file(tmp_path, spec())
    done = run("--sloth", path, "--sloth-compatible", "--json")
    groups = json.loads(done.stdout)["groups"]
    assert groups[0]["rules"][-1]["expr"].startswith("sum_over_time(slo:sli_error:ratio_rate5m")


def test_faults_are_the_answer_and_the_exit_code_is_1(tmp_path: Path) -> None:
    done = run("--sloth", file(tmp_path, spec(one_slo(objective=101))), "--json")
    assert done.exit_code == 1
    (problem,) = json.loads(done.stdout)["problems"]
    assert problem["path"] == "spec.yml $.slos[0].objective"
    assert problem["value"] == "101"


def test_two_files_may_not_name_the_same_slo(tmp_path: Path) -> None:
    file(tmp_path, spec(), "a.yml")
    file(tmp_path, spec(), "b.yaml")
    done = run("--sloth", tmp_path)
    assert done.exit_code == 1
    assert "stand in a.yml already" in done.stdout


def test_wrong_usage_is_exit_code_2(tmp_path: Path) -> None:
    path = file(tmp_path, spec())
    assert run("--sloth", path, "--label", "env").exit_code == 2
    assert run("--sloth", path, "--period", "a month").exit_code == 2


def test_what_belongs_to_sloth_is_refused_without_a_spec_of_it(tmp_path: Path) -> None:
    for words in (["--sloth-compatible"], ["--label", "a=b"], ["--windows", str(tmp_path)]):
        assert run(*words).exit_code == 2
    spec_file = file(tmp_path, spec())
    assert run("--sloth", spec_file, "--grafana", tmp_path).exit_code == 2


def test_rules_of_our_own_objectives_come_without_any_option() -> None:
    done = run("--json")
    assert done.exit_code == 0
    names = [group["name"] for group in json.loads(done.stdout)["groups"]]
    assert "tillwatch-slo-payment-success" in names
