"""Server-made SVG: budget bars and sparklines. Pure; works without scripts and prints well."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape


def budget_bar(left: float | None, css_class: str, label: str) -> Markup:
    """A bar of what is left of the budget, 0 to 100 %; empty where it is overspent or unknown."""
    width = 0.0 if left is None else max(0.0, min(1.0, left)) * 200
    return Markup(
        '<svg class="bar" viewBox="0 0 200 10" role="img" aria-label="{}">'
        '<rect class="track" width="200" height="10" rx="5"/>'
        '<rect class="{}" width="{:.1f}" height="10" rx="5"/></svg>'
    ).format(escape(label), css_class, width)


def sparkline(values: Sequence[float | None], label: str) -> Markup:
    """A line over equal steps; a gap in the data is a gap in the line."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return Markup('<span class="soft">no data</span>')
    low, high = min(known), max(known)
    span = (high - low) or 1.0
    step = 200 / max(1, len(values) - 1)
    parts: list[str] = []
    pen_up = True
    for index, value in enumerate(values):
        if value is None:
            pen_up = True
            continue
        y = 36 - (value - low) / span * 32
        parts.append(f"{'M' if pen_up else 'L'}{index * step:.1f} {y:.1f}")
        pen_up = False
    return Markup(
        '<svg class="spark" viewBox="0 0 200 40" role="img" aria-label="{}">'
        '<path class="line" d="{}"/></svg>'
    ).format(escape(label), " ".join(parts))
