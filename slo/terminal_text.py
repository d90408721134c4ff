"""What `tillwatch slo list` and `slo show` print for people. Pure: documents in, text out.

Missing data is said as such: a figure of the past is a `was`, never a bare 100 %.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from math import floor
from typing import Any, Final

from kernel.money import format_money
from kernel.terminal import plain, render_table
from slo.corrections.terminal import correction_sentences
from slo.volume.terminal import volume_sentences

STATE_WORDS: Final = {
    "ok": "kept",
    "at_risk": "at risk",
    "broken": "broken",
    "no_data": "no data",
}
# Where the terminal is narrow these columns of the list are left out, the first one first.
_DROPPED: Final = ("target", "alerts", "not taken", "so far", "may fail")
_RIGHT: Final = ("so far", "target", "may fail", "money left", "not taken", "alerts")
_MAX_SEGMENTS: Final = 20
_INDENT: Final = "  "
# Holds two words on one line; foreign text cannot have it, it is not printable.
_TIE: Final = "\x00"

Document = Mapping[str, Any]


def list_text(slos: Sequence[Document], width: int) -> str:
    """All objectives as a table of at most `width` columns, then why there is no data."""
    columns: dict[str, list[str]] = {
        "objective": [slo["id"] for slo in slos],
        "state": [STATE_WORDS[slo["state"]] for slo in slos],
        "so far": [_so_far(slo) for slo in slos],
        "target": [_percent(slo["target"]) for slo in slos],
        "budget": [budget_text(slo) for slo in slos],
        "may fail": [may_fail(slo) for slo in slos],
        "money left": [_first_amount(slo, "left_minor") for slo in slos],
        "not taken": [_first_amount(slo, "lost_minor") for slo in slos],
        "alerts": [str(len(slo["alerts"])) for slo in slos],
    }
    for name in _DROPPED:
        if _table_width(columns) <= width:
            break
        del columns[name]
    table = render_table(list(columns), list(zip(*columns.values(), strict=True)), _RIGHT)
    silent = [slo for slo in slos if slo["state"] == "no_data" and slo["reason"]]
    lines = [_wrapped(f"{slo['id']}: {slo['reason']}", width) for slo in silent]
    return "\n".join([table, *lines])


def show_text(slo: Document, width: int) -> str:
    """One objective: state, budget, causes, now, conversion, then the details."""
    head = f"{slo['name']} ({slo['id']}): {STATE_WORDS[slo['state']]}"
    counts = ", ".join(
        f"{name} {'not told' if count is None else f'{count:,}'}"
        for name, count in slo["counts"].items()
    )
    sentences = [
        f"so far: {_so_far(slo)}, {_percent(slo['target'])} promised",
        f"budget: {budget_text(slo)}, may fail: {may_fail(slo)}",
        slo["forecast"]["sentence"] if slo["forecast"] and slo["state"] != "broken" else "",
        slo["reason"],
        *volume_sentences(slo),
        *_window_lines(slo),
        counts,
        _observed(slo),
        *correction_sentences(slo),
        *_told(slo),
    ]
    blocks = [
        plain(head),
        *[_wrapped(text, width, _INDENT) for text in sentences if text],
        _money_table(slo),
        _conversion_table(slo),
        _averages_table(slo),
        _rates_table(slo),
        _segments_table(slo),
    ]
    return "\n".join(block for block in blocks if block)


def budget_text(slo: Document) -> str:
    """`40 % left`, `over by 94 %`, `was 40 % left` without new data, `no data` without any."""
    left = slo["budget_left"]
    if left is None:
        return "no data"
    past = _silent(slo)
    if slo["state"] == "no_data" and left >= 1:
        return "none was spent"
    size = abs(left) * 100
    # Rounded down while something is left, so that 100 % means all of it.
    whole = f"{floor(size)} %" if size >= 1 or not size else "under 1 %"
    words = f"{whole} left" if left >= 0 else f"over by {whole}"
    return f"was {words}" if past else words


def may_fail(slo: Document) -> str:
    """Attempts that may still fail, or the time that may still be bad."""
    left, slices = slo["bad_left"], slo["slices"]
    if left is None:
        return "-"
    if slices:
        left = slices["left_s"]
        return _time(left) if left >= 0 else f"{_time(-left)} too long"
    return f"{left:,}" if left >= 0 else f"{-left:,} too many"


def _window_lines(slo: Document) -> list[str]:
    window, slices = slo["window"], slo["slices"]
    zone = f" ({window['zone']})" if window["zone"] else ""
    span = f"{window['from']} to {window['ends']}"
    lines = [
        f"{window['kind']} window{zone} {span}, {_percent(window['elapsed'], 1)} of it counted"
    ]
    if slices:
        lines.append(
            f"slices of {_time(slices['length_s'])}: {slices['counted']} counted,"
            f" {_time(slices['bad_s'])} bad of {_time(slices['allowed_s'])},"
            f" {slices['neutral']} without an attempt, {slices['missing']} without data"
        )
    if found := slo["extrapolated"]:
        lines.append(
            f"estimate of the whole window at this pace: {found['total']:,} attempts,"
            f" {found['bad_left']:,} more may fail"
        )
    return lines


def _time(seconds: int) -> str:
    """`16 h 48 m`; below an hour `5 m 2 s`."""
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours} h {minutes} m" if hours else f"{minutes} m {seconds} s"


def _so_far(slo: Document) -> str:
    if slo["sli"] is None:
        return "-"
    if slo["state"] != "no_data":
        return _percent(slo["sli"])
    if slo["sli"] >= 1:
        return "none failed"
    return f"was {_percent(slo['sli'])}" if _silent(slo) else _percent(slo["sli"])


def _percent(ratio: float, digits: int = 3) -> str:
    """Cut off, not rounded: 100 % only where it is all."""
    scale = 10**digits
    return f"{floor(round(ratio * 10**8) * scale / 10**6) / scale:.{digits}f} %"


def _observed(slo: Document) -> str:
    share = f"{_percent(slo['coverage'], 1)} of that time" if slo["coverage"] else "Nothing of it"
    text = f"{share} was observed, counted up to {slo['watermark']}"
    known = _silent(slo) and slo["heard_until"]
    return f"{text}, last heard {slo['heard_until']}" if known else text


def _silent(slo: Document) -> bool:
    """True where data is missing now, so that the figures are those of the past."""
    found = slo["no_data"]
    return slo["state"] == "no_data" and (found is None or bool(found["present"]))


def _told(slo: Document) -> list[str]:
    told = [money["sentence"] for money in slo["money"]]
    if slo["burned_by"] is not None:
        told.append(slo["burned_by"]["sentence"])
    if slo["at_risk"] is not None:
        told.append(slo["at_risk"]["sentence"])
    return told


def _money_table(slo: Document) -> str:
    names = ("good_minor", "bad_minor", "allowed_minor", "left_minor", "lost_minor")
    rows = [[*[_bare(money, name) for name in names], money["currency"]] for money in slo["money"]]
    head = ["succeeded", "failed", "may fail", "still left", "not taken", "currency"]
    return "\n" + render_table(head, rows, head[:-1]) if rows else ""


def _conversion_table(slo: Document) -> str:
    found = slo["conversion"]
    if found is None:
        return ""
    rows = [
        [
            f"last {one['window']}",
            f"{one['completed']:,} of {one['ended']:,}",
            "-" if one["ratio"] is None else _percent(one["ratio"], 1),
            "-" if one["change"] is None else f"{one['change'] * 100:+.1f} points",
        ]
        for one in found["windows"]
    ]
    head = [found["of"], "completed", "conversion", "week before"]
    return "\n" + render_table(head, rows, head[1:])


def _averages_table(slo: Document) -> str:
    """A row per currency and a column per span: many currencies make it longer, never wider."""
    spans = slo["conversion"]["windows"] if slo["conversion"] else []
    told = {
        (value["currency"], one["window"]): _average(value)
        for one in spans
        for value in one["order_values"]
    }
    rows = [
        [*[told.get((currency, one["window"]), "-") for one in spans], currency]
        for currency in sorted({currency for currency, _ in told})
    ]
    head = [f"average, last {one['window']}" for one in spans]
    return "\n" + render_table([*head, "currency"], rows, head) if rows else ""


def _average(value: Document) -> str:
    if value["average_minor"] is None:
        return "not known"
    return format_money(value["average_minor"], value["currency"]).removesuffix(
        f" {value['currency']}"
    )


def _rates_table(slo: Document) -> str:
    """Burn rates up to now: without new data nobody knows them."""
    silent = _silent(slo)
    rows = [
        [name, "-" if rate is None or silent else f"{rate:.2f}"]
        for name, rate in slo["burn_rates"].items()
    ]
    return "\n" + render_table(["window", "burn rate"], rows, ["burn rate"])


def _segments_table(slo: Document) -> str:
    rows = [
        [
            " / ".join(value or "(none)" for value in one["key"].values()),
            STATE_WORDS[one["state"]],
            f"{one['counts']['bad']:,}",
            f"{one['counts']['good']:,}",
        ]
        for one in slo["segments"][:_MAX_SEGMENTS]
    ]
    head = ["segment", "state", "bad", "good"]
    table = "\n" + render_table(head, rows, ["bad", "good"]) if rows else ""
    more = len(slo["segments"]) - len(rows)
    return f"{table}\n{more:,} more with fewer failures (--json lists them)" if more else table


def _bare(money: Document, name: str) -> str:
    return format_money(money[name], money["currency"]).removesuffix(f" {money['currency']}")


def _first_amount(slo: Document, name: str) -> str:
    """One currency; further ones are told by their number."""
    if not slo["money"]:
        return "-"
    first, *others = slo["money"]
    text = format_money(first[name], first["currency"])
    return f"{text} +{len(others)}" if others else text


def _table_width(columns: Mapping[str, Sequence[str]]) -> int:
    widths = [max(len(name), *(len(cell) for cell in cells), 0) for name, cells in columns.items()]
    return sum(widths) + 2 * (len(widths) - 1)


def _wrapped(text: str, width: int, indent: str = "") -> str:
    """Lines of at most `width`; a number stays with its percent sign."""
    joined = plain(text).replace(".000000Z", "Z").replace(" %", f"{_TIE}%")
    filled = textwrap.fill(
        joined, max(40, width), initial_indent=indent, subsequent_indent=f"{indent}  "
    )
    return filled.replace(_TIE, " ")
