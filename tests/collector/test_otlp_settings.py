"""Which origins may be listed for CORS."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from collector.otlp.settings import OtlpSettings


def test_no_origin_is_listed_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TILLWATCH_OTLP_CORS_ORIGINS", raising=False)
    assert OtlpSettings().cors_origins == frozenset()


def test_origins_are_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "TILLWATCH_OTLP_CORS_ORIGINS", "https://shop.example, http://localhost:3000 ,"
    )
    assert OtlpSettings().cors_origins == {"https://shop.example", "http://localhost:3000"}


@pytest.mark.parametrize(
    "wrong",
    [
        "*",
        "https://*",
        "https://*.shop.example",
        "shop.example",
        "https://shop.example/",
        "https://shop.example?x",
        "ftp://shop.example",
        "https://",
        "null",
    ],
)
def test_what_is_no_single_origin_is_refused_by_name(wrong: str) -> None:
    with pytest.raises(ValidationError, match="is no origin: write each as"):
        OtlpSettings(otlp_cors_origins=f"https://shop.example,{wrong}")
