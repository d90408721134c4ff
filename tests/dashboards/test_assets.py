"""Scripts and styles: ours or vendored byte for byte, from our own address alone, for ever."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest

from access.principal import Role
from tests.dashboards import samples

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "dashboards" / "static"
TEMPLATES = sorted((ROOT / "dashboards" / "templates").rglob("*.html"))
MANIFEST = json.loads((STATIC / "vendor" / "manifest.json").read_text())["files"]
FIRST_VISIT_BYTES = 150_000


@pytest.mark.parametrize("entry", MANIFEST, ids=lambda entry: entry["file"])
def test_a_vendored_file_is_the_published_one(entry):
    assert hashlib.sha256((ROOT / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]


def test_every_vendored_script_stands_in_the_manifest():
    listed = {entry["file"] for entry in MANIFEST}
    there = {
        path.relative_to(ROOT).as_posix()
        for path in (STATIC / "vendor").iterdir()
        if path.suffix in {".js", ".css"}
    }
    assert there <= listed


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_loads_nothing_from_elsewhere_and_has_no_inline_code(template):
    text = template.read_text()
    assert not re.search(r"(?:src|href|action)=[\"'](?:https?:)?//", text)
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=[\"']|javascript:", text)
    for opening in re.findall(r"<script[^>]*>", text):
        assert "asset(" in opening or 'type="application/json"' in opening
    assert "|safe" not in text.replace(" ", "")


def test_our_styles_and_scripts_ask_nobody_else():
    for path in [*STATIC.glob("css/*"), *STATIC.glob("js/*")]:
        assert not re.search(r"https?://|@import|eval\(|innerHTML", path.read_text())


def test_assets_are_kept_for_ever_under_names_that_change_with_them(house):
    url = house.assets.url("css/tillwatch.css")
    answer = house.client.get(url)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    digest = hashlib.sha256(answer.content).hexdigest()
    assert url.split("/")[2] == digest[:12]
    assert house.client.get(url.replace(digest[:12], "0" * 12)).status_code == 404
    assert house.client.get("/static/../pages.py").status_code == 404


def test_the_page_carries_a_policy_that_forbids_all_but_our_own(house):
    house.enter(Role.VIEWER)
    policy = house.client.get("/").headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_the_first_visit_weighs_less_than_150_kb(house):
    house.slos = [samples.slo("at_risk")]
    house.enter(Role.VIEWER)
    html = house.page("/slos/payment-success")
    weight = len(html.encode())
    for url in set(re.findall(r"(?:src|href)=\"(/static/[^\"]+)\"", html)):
        weight += len(house.client.get(url).content)
    assert weight < FIRST_VISIT_BYTES
    assert len(gzip.compress(html.encode())) < weight


def test_who_takes_gzip_gets_the_same_bytes_packed_and_others_get_them_plain(house):
    url = house.assets.url("vendor/uPlot.iife.min.js")
    packed = house.client.get(url, headers={"Accept-Encoding": "br;q=0.5, gzip"})
    plain = house.client.get(url, headers={"Accept-Encoding": "gzip;q=0"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
