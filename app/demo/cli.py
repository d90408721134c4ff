"""`tillwatch demo`: play the simulation."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from app.demo.story import Plan, Story
from kernel.terminal import AsJson, DataDir, emit, note


def demo(
    data_dir: DataDir = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the pages; 0: any.")] = 8080,
    headless: Annotated[bool, typer.Option("--headless", help="End when it is told.")] = False,
    auto_approve: Annotated[
        bool, typer.Option("--auto-approve", help="Decide as the simulated person demo-approver.")
    ] = False,
    rate_per_s: Annotated[float, typer.Option(min=1, max=50, help="Baskets a second.")] = 6.0,
    as_json: AsJson = False,
) -> None:
    """Play one payment outage, from the first failed payment to a proven recovery (simulated)."""
    with tempfile.TemporaryDirectory(prefix="tillwatch-demo-") as temporary:
        plan = Plan(
            data_dir=(data_dir or Path(temporary)).absolute(),
            port=0 if headless and port == 8080 else port,
            auto_approve=auto_approve,
            rate_per_s=rate_per_s,
        )
        story = Story(plan, lambda text: note(f"[simulation] {text}"))
        with story.running() as client:
            note(f"[simulation] pages: {story.url} (token: {plan.data_dir / 'admin.token'})")
            told = story.play(client)
            emit(told.document(), as_json, lambda _: _summary(story))
            if not headless:
                note("[simulation] everything goes on running; Ctrl-C ends it")
                _wait(story)


def _wait(story: Story) -> None:
    try:
        story.keep_running()
    except KeyboardInterrupt:
        note("[simulation] ending")


def _summary(story: Story) -> str:
    lines = [f"{step:<15} {entry['at']}" for step, entry in story.told.timeline.items()]
    return "\n".join(["The simulated outage, step by step:", *lines])
