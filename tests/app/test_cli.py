"""The command line: exit codes, JSON errors, quick help."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import build_root, run
from app.doctor import examine
from app.features import NOUNS
from kernel.clock import FrozenClock
from kernel.settings import KernelSettings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def outside_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("TILLWATCH_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TILLWATCH_PUBLIC_URL", "http://127.0.0.1:1")
    monkeypatch.delenv("TILLWATCH_TOKEN", raising=False)


def test_help_lists_every_noun(capsys):
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    for word in ["serve", "doctor", "probe", *[noun.name for noun in NOUNS]]:
        assert word in shown


def test_help_of_the_root_imports_no_feature():
    code = (
        "import sys; from app.cli import run; run(['--help']);"
        "sys.exit(bool({'fastapi', 'sqlmodel', 'openai', 'numpy', 'grpc'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize("noun", [noun.name for noun in NOUNS])
def test_every_noun_builds_and_shows_its_help(noun, capsys):
    assert run([noun, "--help"]) == 0
    assert "Usage" in capsys.readouterr().out
    assert build_root(noun)


def test_wrong_usage_is_2():
    assert run(["nonsense"]) == 2
    assert run(["probe", "--nonsense"]) == 2


def test_a_service_that_does_not_answer_is_3_with_a_next_step(capsys):
    assert run(["probe"]) == 3
    assert "tillwatch serve" in capsys.readouterr().err
    assert run(["probe", "--json"]) == 3
    out = capsys.readouterr().out
    assert set(json.loads(out)) == {"code", "message", "hint"}


def test_missing_stores_are_4_with_a_next_step(capsys):
    assert run(["token", "list"]) == 4
    assert "->" in capsys.readouterr().err


def test_a_wrong_setting_is_4_and_named(capsys, monkeypatch):
    monkeypatch.setenv("TILLWATCH_JOURNAL_MAX_BYTES", "much")
    assert run(["token", "list"]) == 4
    assert "TILLWATCH_JOURNAL_MAX_BYTES" in capsys.readouterr().err


def test_doctor_names_the_next_step_of_each_finding_and_is_1_where_something_is_bad(capsys):
    assert run(["doctor", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    bad = [finding for finding in document["findings"] if finding["state"] == "bad"]
    assert bad
    assert all(finding["fix"] for finding in bad)
    assert run(["doctor"]) == 1


@pytest.mark.parametrize(
    ("secrets", "state", "says"),
    [
        ("", "off", "no provider"),
        ('{"stripe/eu": ["whsec_0123456789"]}', "ok", "stripe/eu"),
        ('{"stripe/eu": []}', "bad", "no secret"),
        ("{", "bad", "not JSON"),
    ],
)
def test_doctor_says_whose_webhooks_are_verified(secrets, state, says, tmp_path):
    environment = {"TILLWATCH_WEBHOOK_SECRETS": secrets}
    settings = KernelSettings(data_dir=tmp_path, public_url="http://127.0.0.1:9")
    findings = examine(settings, FrozenClock(), environment)
    [found] = [one for one in findings if one.name == "webhooks"]
    assert found.state == state
    assert says in found.says
    assert bool(found.fix) == (state != "ok")


def test_a_fault_of_ours_is_70():
    code = (
        "import sys, app.cli;"
        "app.cli.NOUNS = (); app.cli.build_root = lambda wanted: 1 / 0;"
        "sys.argv = ['tillwatch', 'x']; app.cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 70
    assert b"ZeroDivisionError" in done.stderr
