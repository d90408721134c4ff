"""Compose file, image, Prometheus, Alertmanager and Grafana agree with the code and each other."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import typer
import yaml

from app.cli import build_root
from tests.architecture.project import PACKAGES, ROOT, sources
from tests.shared_data import missing

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text()
PROMETHEUS = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
RULES = yaml.safe_load((ROOT / "deploy/prometheus/tillwatch.rules.yml").read_text())
ALERTMANAGER = yaml.safe_load((ROOT / "deploy/alertmanager/alertmanager.yml").read_text())
GRAFANA = ROOT / "deploy/grafana/provisioning"
DASHBOARD = json.loads((ROOT / "dashboards/grafana/tillwatch.json").read_text())
CODE = "\n".join(path.read_text() for path in sources())
METRIC = re.compile(r"\btillwatch_[a-z0-9_]+")


def options_of(*words: str) -> dict[str, object]:
    """The options of a command, with their defaults."""
    command = typer.main.get_command(build_root(words[0]))
    for word in words:
        command = command.commands[word]
    return {name: param.default for param in command.params for name in param.opts}


def commands() -> list[list[str]]:
    """Every tillwatch command line of the image and the compose file."""
    entry = json.loads(re.search(r"^ENTRYPOINT (\[.*\])", DOCKERFILE, re.MULTILINE).group(1))
    start = json.loads(re.search(r"^CMD (\[.*\])", DOCKERFILE, re.MULTILINE).group(1))
    probe = json.loads(re.search(r"^  CMD (\[.*\])", DOCKERFILE, re.MULTILINE).group(1))
    health = SERVICES["tillwatch"]["healthcheck"]["test"]
    assert health[0] == "CMD"
    shell = SERVICES["alertmanager-token"]["command"][0]
    token = shlex.split(re.search(r"tillwatch token [^>]*", shell).group())
    return [[*entry, *start], probe, health[1:], token]


@pytest.mark.parametrize("line", commands(), ids=" ".join)
def test_every_command_and_option_of_the_containers_exists(line):
    assert line[0] == "tillwatch"
    words = [word for word in line[1:] if re.fullmatch(r"[a-z]+", word)]
    verb = words[:2] if words[0] == "token" else words[:1]
    known = options_of(*verb)
    assert {word for word in line if word.startswith("--")} <= set(known)


def test_images_are_pinned_to_a_version():
    images = [service["image"] for service in SERVICES.values()]
    images += re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    for image in images:
        assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+(-[a-z-]+)?", image), image
    version = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert SERVICES["tillwatch"]["image"] == f"tillwatch:{version.group(1)}"


def test_the_image_holds_every_package_and_runs_as_nobody_special():
    assert set(re.findall(r"^COPY (\w+) \1$", DOCKERFILE, re.MULTILINE)) == set(PACKAGES)
    allowed = (ROOT / ".dockerignore").read_text().split()
    for name in [*PACKAGES, "requirements.lock", "pyproject.toml", "README.md"]:
        assert f"!{name}" in allowed
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    assert "--require-hashes --no-deps" in DOCKERFILE
    assert "# --- dev ---" in DOCKERFILE
    python = re.search(r"^FROM python:(\d+\.\d+)", DOCKERFILE, re.MULTILINE).group(1)
    assert f">={python}" in (ROOT / "pyproject.toml").read_text()


def test_ports_are_those_the_service_listens_on_and_open_on_this_machine_only():
    defaults = options_of("serve")
    names = ("--port", "--otlp-http-port", "--otlp-grpc-port")
    ports = [str(defaults[name]) for name in names]
    assert SERVICES["tillwatch"]["ports"] == [f"127.0.0.1:{port}:{port}" for port in ports]
    exposed = re.search(r"^EXPOSE (.*)", DOCKERFILE, re.MULTILINE).group(1).split()
    assert exposed == ports
    start = next(line for line in commands() if "serve" in line)
    assert [start[start.index(name) + 1] for name in names] == ports
    assert start[start.index("--host") + 1] == "0.0.0.0"
    for service in SERVICES.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_every_variable_is_a_setting():
    known = set(re.findall(r"^# ?([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    used = set(SERVICES["tillwatch"]["environment"])
    used |= set(re.findall(r"\b(TILLWATCH_[A-Z_]+)=", DOCKERFILE))
    assert used <= known
    asked = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    assert asked - known == {"GRAFANA_ADMIN_PASSWORD"}


def test_every_mounted_path_exists_and_every_volume_is_declared():
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            found = (ROOT / source).exists() if source.startswith(".") else None
            assert found if source.startswith(".") else source in COMPOSE["volumes"], volume


def test_every_lasting_service_says_whether_it_is_well():
    for name, service in SERVICES.items():
        once = name == "alertmanager-token"
        assert ("healthcheck" in service) != once
        assert ("restart" in service) != once


def test_services_name_each_other_rightly():
    (job,) = PROMETHEUS["scrape_configs"]
    host, port = job["static_configs"][0]["targets"][0].split(":")
    assert host in SERVICES
    assert int(port) == options_of("serve")["--port"]
    assert f'"{job["metrics_path"]}"' in CODE
    (alerting,) = PROMETHEUS["alerting"]["alertmanagers"]
    assert alerting["static_configs"][0]["targets"] == ["alertmanager:9093"]
    assert SERVICES["tillwatch"]["environment"]["TILLWATCH_ALERTMANAGER_URL"].endswith(
        "alertmanager:9093"
    )
    source = yaml.safe_load((GRAFANA / "datasources/prometheus.yml").read_text())
    assert source["datasources"][0]["url"] == "http://prometheus:9090"
    provider = yaml.safe_load((GRAFANA / "dashboards/tillwatch.yml").read_text())
    path = provider["providers"][0]["options"]["path"]
    assert f"./dashboards/grafana:{path}:ro" in SERVICES["grafana"]["volumes"]


def test_alertmanager_posts_to_the_webhook_with_its_own_token():
    receiver = next(one for one in ALERTMANAGER["receivers"] if one["name"] == "tillwatch")
    (webhook,) = receiver["webhook_configs"]
    host, path = re.fullmatch(r"http://([^/]+)(/.*)", webhook["url"]).groups()
    assert host == "tillwatch:8080"
    assert f'"{path}"' in CODE
    assert webhook["send_resolved"] is True
    file = webhook["http_config"]["authorization"]["credentials_file"]
    shell = SERVICES["alertmanager-token"]["command"][0]
    assert f"mv /tokens/new {file}" in shell
    assert "tokens:/tokens:ro" in SERVICES["alertmanager"]["volumes"]


def test_rules_and_dashboard_use_only_metrics_that_the_code_has():
    asked = {name for group in RULES["groups"] for r in group["rules"] for name in
             METRIC.findall(r["expr"])}  # fmt: skip
    asked |= {
        name
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
        for name in METRIC.findall(target["expr"])
    }
    assert asked
    assert [name for name in asked if f'"{name.removesuffix("_total")}"' not in CODE] == []


def test_the_dashboard_asks_the_provisioned_source_and_its_panels_do_not_overlap():
    taken = set()
    for panel in DASHBOARD["panels"]:
        assert panel["datasource"]["uid"] == "prometheus"
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_blindness_is_an_alert_that_pages_by_a_way_around_us():
    rules = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"]}
    assert "absent(tillwatch_evaluation_age_seconds)" in rules["TillwatchBlind"]["expr"]
    assert {rule["labels"]["service"] for rule in rules.values()} == {"tillwatch"}
    first = ALERTMANAGER["route"]["routes"][0]
    assert (first["receiver"], first["continue"]) == ("people", True)
    assert first["matchers"] == ['service = "tillwatch"']


def tool(name: str) -> str:
    """The tool's path; absent it is a skip, and a failure under CI."""
    found = shutil.which(name)
    if found is None:
        missing(f"{name} is not installed")
    return found


def check_run(*arguments: str | Path) -> None:
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.real
def test_promtool_accepts_config_and_rules_and_the_rules_fire_as_they_should():
    promtool = tool("promtool")
    check_run(promtool, "check", "config", "deploy/prometheus/prometheus.yml")
    check_run(promtool, "test", "rules", "tests/deploy/tillwatch.rules.test.yml")


@pytest.mark.real
def test_amtool_accepts_the_alertmanager_config():
    check_run(tool("amtool"), "check-config", "deploy/alertmanager/alertmanager.yml")


@pytest.mark.parametrize("script", [".ci/run", "deploy/lock.sh", "deploy/vendor.sh"])
def test_scripts_are_executable_and_bash_can_read_them(script):
    path = ROOT / script
    assert path.stat().st_mode & 0o111
    check_run("bash", "-n", path)
    assert "set -euo pipefail" in path.read_text()


def test_continuous_integration_ends_in_make_test():
    assert (ROOT / ".ci/run").read_text().rstrip().endswith("exec make test")
