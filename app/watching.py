"""Flag files and status pages that the settings name, and what looks at them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.core import Core
from collector.changes import file_watch
from collector.changes.file_watch import FlagFileWatch
from collector.changes.flagd_intake import FlagdIntake
from collector.changes.places import places
from collector.changes.settings import WatchSettings
from collector.redaction.redactor import Redactor
from collector.vendors import page_watch
from collector.vendors.page_watch import PageWatch
from kernel.journal import JournalWriter


@dataclass(frozen=True)
class Plan:
    """What is to be looked at. Making it raises NotConfigured for what cannot be."""

    settings: WatchSettings
    files: Mapping[str, Path]
    pages: Mapping[str, str]

    @classmethod
    def read(cls) -> Plan:
        """From the environment."""
        settings = WatchSettings()
        files = places(settings.flagd_files, file_watch.SETTING)
        pages = places(settings.status_pages, page_watch.SETTING)
        for vendor, base in pages.items():
            page_watch.check(vendor, base)
        return cls(settings, {name: Path(place) for name, place in files.items()}, pages)

    def watches(
        self, core: Core, writer: JournalWriter, redactor: Redactor
    ) -> tuple[FlagFileWatch, PageWatch]:
        """What looks at them; `writer`: the engine's own journal."""
        memory, clock = core.changes, core.clock
        names = {file_watch.name_of(one) for one in self.files}
        memory.only_watch(names | {page_watch.name_of(one) for one in self.pages})
        files = FlagFileWatch(self.files, FlagdIntake(redactor), writer, memory, clock)
        poll_s = self.settings.status_poll_s
        pages = PageWatch(self.pages, writer, memory, redactor, clock, poll_s=poll_s)
        return files, pages
