"""`docs/webhooks.md` says what the code does: the decline tables are made from it."""

from __future__ import annotations

import os
import re

import pytest

from collector.sources import adyen_events, declines, shopify_events, stripe_events
from collector.sources.registry import KINDS
from tests.architecture.project import ROOT

PAGE = ROOT / "docs" / "webhooks.md"


def table_by_class(classes: dict[str, str]) -> str:
    rows = ["| class | codes |", "|---|---|"]
    for name in declines.CLASSES:
        codes = ", ".join(f"`{code}`" for code in sorted(classes) if classes[code] == name)
        rows += [f"| {name} | {codes} |"] if codes else []
    return "\n".join(rows)


def adyen_table() -> str:
    rows = ["| number | refusal reason | class |", "|---|---|---|"]
    for number, text in declines.ADYEN_BY_NUMBER.items():
        rows.append(f"| {number} | {text} | {declines.adyen_class(text)} |")
    return "\n".join(rows)


TABLES = {
    "stripe": lambda: table_by_class(declines.STRIPE),
    "adyen": adyen_table,
    "shopify": lambda: table_by_class(declines.SHOPIFY),
}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_the_golden_table_of_the_page_is_that_of_the_code(name):
    page = PAGE.read_text()
    begin = f"<!-- table {name}: written by `make goldens` -->\n"
    before, _, rest = page.partition(begin)
    found, end, after = rest.partition("<!-- end -->")
    assert end, f"no table {name} in {PAGE.name}"
    wanted = f"\n{TABLES[name]()}\n\n"
    if os.environ.get("TILLWATCH_WRITE_GOLDENS"):
        PAGE.write_text(before + begin + wanted + end + after)
        found = wanted
    assert found == wanted


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("stripe", stripe_events.TOLD),
        ("adyen", adyen_events.TOLD),
        ("shopify", frozenset(shopify_events.TOPICS)),
    ],
)
def test_every_event_that_is_told_stands_in_the_page_and_no_other(kind, names):
    page = PAGE.read_text()
    title = {"stripe": "### Stripe", "adyen": "### Adyen", "shopify": "### Shopify"}[kind]
    section = page.partition(title)[2].partition("\n### ")[0]
    first_column = re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)
    told = {name for cell in first_column for name in re.findall(r"`([^`]+)`", cell)}
    assert told == names


def test_the_page_names_every_kind():
    kinds = re.search(r"kind: (.*)", PAGE.read_text())
    assert kinds is not None
    assert set(kinds[1].split(", ")) == set(KINDS)
