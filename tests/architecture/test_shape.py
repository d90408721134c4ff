"""House rules that a machine can check: sizes, nesting, edges, clocks, names, comments."""

from __future__ import annotations

import ast
import re

import pytest

from tests.architecture.project import name_of, sources, tree

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_POSITIONAL = 6
MAX_ARGUMENTS = 8
MAX_NESTING = 3

# The three edges that survive everything, and the fact dispatcher, which isolates a subscriber.
BROAD_EXCEPT = {
    "app/errors.py",
    "app/job_runner.py",
    "kernel/facts/bus.py",
    "slo/faults.py",
    "triage/slack/endpoints.py",
}
COMMITS = ("kernel/",)
CLOCK = "kernel/clock.py"
NAMES = re.compile(r"(^|_)(utils?|helpers?|managers?|misc)(_|$)")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
# `with` is no branch: it does not count.
BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.Match)


def functions() -> list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    return [
        (f"{name_of(path)}:{node.lineno} {node.name}", node)
        for path in sources()
        for node in ast.walk(tree(path))
        if isinstance(node, FUNCTIONS)
    ]


def lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Own lines: a closure's lines count for the closure, a docstring for nobody."""
    inner = [
        one
        for child in node.body
        for one in ast.walk(child)
        if isinstance(one, FUNCTIONS) and one is not node
    ]
    nested = sum(
        one.end_lineno - one.lineno + 1
        for one in inner
        if not any(one is not other and one in ast.walk(other) for other in inner)
    )
    doc = node.body[0] if ast.get_docstring(node) else None
    doc_lines = doc.end_lineno - doc.lineno + 1 if doc else 0
    return node.end_lineno - node.lineno + 1 - nested - doc_lines


def nesting(node: ast.AST, depth: int = 0) -> int:
    """Deepest block; `elif` is no deeper than its `if`, a closure starts anew."""
    deepest = depth
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (*FUNCTIONS, ast.ClassDef, ast.Lambda)):
            continue
        is_elif = (
            isinstance(node, ast.If)
            and isinstance(child, ast.If)
            and node.orelse == [child]
            and child.col_offset == node.col_offset
        )
        more = isinstance(child, BLOCKS) and not is_elif
        deepest = max(deepest, nesting(child, depth + more))
    return deepest


def calls(*texts: str) -> list[str]:
    return [
        f"{name_of(path)}:{node.lineno}"
        for path in sources()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(texts)
    ]


def test_no_file_is_longer_than_400_lines():
    long = {name_of(path): len(path.read_text().splitlines()) for path in sources()}
    assert {name: size for name, size in long.items() if size > MAX_FILE_LINES} == {}


def test_no_function_is_longer_than_60_lines():
    assert [(name, lines(node)) for name, node in functions() if lines(node) > 60] == []


def test_no_function_takes_more_than_six_arguments_or_eight_with_named_ones():
    wrong = []
    for name, node in functions():
        given = [*node.args.posonlyargs, *node.args.args]
        own = [one for one in given if one.arg not in {"self", "cls"}]
        too_many = len(own) > MAX_POSITIONAL
        if too_many or len(own) + len(node.args.kwonlyargs) > MAX_ARGUMENTS:
            wrong.append(name)
    cli = re.compile(r"(/cli|_commands)\.py:")
    assert [name for name in wrong if not cli.search(name)] == []


def test_nothing_is_nested_deeper_than_three_blocks():
    assert [(name, nesting(node)) for name, node in functions() if nesting(node) > 3] == []


def test_only_the_named_edges_catch_everything():
    wrong = []
    for path in sources():
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.ExceptHandler):
                continue
            caught = "" if node.type is None else ast.unparse(node.type)
            broad = re.search(r"\b(Base)?Exception\b", caught) or not caught
            reraises = any(isinstance(last, ast.Raise) and not last.exc for last in node.body[-1:])
            if broad and not reraises and name_of(path) not in BROAD_EXCEPT:
                wrong.append(f"{name_of(path)}:{node.lineno}")
    assert wrong == []


def test_only_the_kernel_commits():
    found = [place for place in calls(".commit") if not place.startswith(COMMITS)]
    assert found == []


def test_time_is_asked_from_the_clock_alone():
    asked = calls("datetime.now", "datetime.utcnow", "time.time", "time.time_ns", "date.today")
    assert [place for place in asked if not place.startswith(CLOCK)] == []


def test_every_module_says_what_it_is_for():
    assert [name_of(path) for path in sources() if not ast.get_docstring(tree(path))] == []


def test_no_postponed_work_is_left_in_comments():
    marks = re.compile("TO" + "DO|FIX" + "ME|XX" + "X")
    assert [name_of(path) for path in sources() if marks.search(path.read_text())] == []


@pytest.mark.parametrize("kind", ["file", "class", "function"])
def test_names_say_what_a_thing_does(kind):
    if kind == "file":
        names = [(name_of(path), path.stem) for path in sources()]
    elif kind == "function":
        names = [(name, node.name) for name, node in functions()]
    else:
        names = [
            (name_of(path), re.sub(r"(?<!^)(?=[A-Z])", "_", node.name).lower())
            for path in sources()
            for node in ast.walk(tree(path))
            if isinstance(node, ast.ClassDef)
        ]
    assert [where for where, name in names if NAMES.search(name)] == []
