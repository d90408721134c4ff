"""Critical path of a trace: which spans, and how much of each, made the request last as long.

Walked from the end of a span backwards: the child that ended last before the cursor is on the path,
the time between its end and the cursor is the span's own, the cursor moves to the child's start.
The parts of the path sum to the root's duration exactly. Children are clipped to their parent
(clock skew, work that outlives the request); a child wholly outside its parent is off the path.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kernel.telemetry_store.port import SpanRow

MAX_SPANS = 5_000


@dataclass(frozen=True)
class Tree:
    """One request: a root and what hangs under it. `odd` names what was not as it should be."""

    root: SpanRow
    children: dict[str, list[SpanRow]]
    size: int
    odd: tuple[str, ...] = ()


@dataclass(frozen=True)
class PathPart:
    """`self_us` of the path is spent in this span itself."""

    span: SpanRow
    self_us: int


def trees(spans: Iterable[SpanRow]) -> list[Tree]:
    """One tree per root. Spans whose parent is missing hang under the only root that covers them,
    else they are roots of their own; spans in a cycle are left out and told of.
    """
    by_id: dict[str, SpanRow] = {}
    odd: set[str] = set()
    for span in list(spans)[:MAX_SPANS]:
        if span.span_id in by_id:
            odd.add("duplicate span id")
        else:
            by_id[span.span_id] = span
    roots = [span for span in by_id.values() if not span.parent_span_id]
    children: dict[str, list[SpanRow]] = {}
    for span in by_id.values():
        if not span.parent_span_id:
            continue
        if span.parent_span_id in by_id:
            children.setdefault(span.parent_span_id, []).append(span)
            continue
        odd.add("missing parent")
        home = [root for root in roots if _covers(root, span)]
        if len(home) == 1:
            children.setdefault(home[0].span_id, []).append(span)
        else:
            roots.append(span)
    found = [_tree(root, children, odd) for root in roots]
    reached = sum(tree.size for tree in found)
    if reached < len(by_id):
        found = [Tree(t.root, t.children, t.size, (*t.odd, "cycle")) for t in found]
    return sorted(found, key=lambda tree: (tree.root.start_us, tree.root.span_id))


def _covers(root: SpanRow, span: SpanRow) -> bool:
    return (
        root.trace_id == span.trace_id
        and root.start_us <= span.start_us
        and span.end_us <= root.end_us
    )


def _tree(root: SpanRow, children: dict[str, list[SpanRow]], odd: set[str]) -> Tree:
    own: dict[str, list[SpanRow]] = {}
    strange = set(odd)
    queue, size = [root], 0
    while queue:
        span = queue.pop()
        size += 1
        below = children.get(span.span_id, [])
        if below:
            own[span.span_id] = below
            queue.extend(below)
        if any(child.start_us < span.start_us or child.end_us > span.end_us for child in below):
            strange.add("child outside its parent")
    if root.end_us < root.start_us:
        strange.add("ends before it starts")
    return Tree(root, own, size, tuple(sorted(strange)))


def critical_path(tree: Tree) -> list[PathPart]:
    """The path in order of time of first appearance; self times sum to the root's duration."""
    own_us: dict[str, int] = {}
    spans: dict[str, SpanRow] = {}
    todo = [(tree.root, tree.root.start_us, max(tree.root.start_us, tree.root.end_us))]
    while todo:
        span, from_us, to_us = todo.pop()
        spans[span.span_id] = span
        cursor, own = to_us, 0
        for child in _latest_first(tree.children.get(span.span_id, ()), from_us):
            end = min(child.end_us, cursor)
            start = max(child.start_us, from_us)
            if end <= start:
                continue
            own += cursor - end
            todo.append((child, start, end))
            cursor = start
        own += cursor - from_us
        own_us[span.span_id] = own
    ordered = sorted(spans.values(), key=lambda span: (span.start_us, span.span_id))
    return [PathPart(span, own_us[span.span_id]) for span in ordered]


def _latest_first(children: Sequence[SpanRow], from_us: int) -> list[SpanRow]:
    inside = [child for child in children if child.end_us > from_us]
    return sorted(inside, key=lambda child: (-child.end_us, child.start_us, child.span_id))
