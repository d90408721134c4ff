"""Every setting stands in `.env.example`, and nothing else does."""

from __future__ import annotations

import importlib
import pkgutil
import re

from kernel.settings import Settings
from tests.architecture.project import PACKAGES, ROOT

# Read by their usual names: by libraries, or by the settings of triage.
USUAL = {
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "SLACK_BOT_TOKEN",
    "SLACK_SIGNING_SECRET",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
}
LINE = re.compile(r"^# ?([A-Z][A-Z0-9_]+)=", re.MULTILINE)


def all_settings() -> list[type[Settings]]:
    for package in PACKAGES:
        folders = importlib.import_module(package).__path__
        for module in pkgutil.walk_packages(folders, f"{package}."):
            if module.name.endswith("settings") or module.name == "kernel.api_client":
                importlib.import_module(module.name)
    found: list[type[Settings]] = []
    waiting = [Settings]
    while waiting:
        children = waiting.pop().__subclasses__()
        found += children
        waiting += children
    return [one for one in found if one.__module__.split(".")[0] in PACKAGES]


def variables(settings: type[Settings]) -> set[str]:
    names = set()
    for name, field in settings.model_fields.items():
        alias = field.validation_alias
        choices = getattr(alias, "choices", None)
        if choices:
            names |= {str(one).upper() for one in choices}
        elif alias is not None:
            names.add(str(alias).upper())
        else:
            names.add(f"{settings.model_config.get('env_prefix', '')}{name}".upper())
    return names


def test_every_setting_is_in_the_example_and_every_line_of_it_is_a_setting():
    known = set().union(*(variables(one) for one in all_settings())) | USUAL
    shown = set(LINE.findall((ROOT / ".env.example").read_text()))
    assert sorted(known - shown) == [], "missing in .env.example"
    assert sorted(shown - known) == [], "no such setting"


def test_secrets_are_never_plain_texts():
    telling = re.compile(r"secret|password|api_key|bot_token|^token$")
    wrong = [
        f"{one.__name__}.{name}"
        for one in all_settings()
        for name, field in one.model_fields.items()
        if telling.search(name) and "SecretStr" not in str(field.annotation)
    ]
    assert wrong == []
