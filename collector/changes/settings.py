"""What the collector watches by itself: flag files and vendors' status pages."""

from __future__ import annotations

from kernel.settings import Settings


class WatchSettings(Settings):
    """Both lists are `name=place`, separated by commas.

    `flagd_files`: the service whose flags stand in the file, and its path. `status_pages`: the
    vendor, as shop events name it in `provider`, and the address of its status page.
    """

    flagd_files: str = ""
    flagd_poll_s: float = 10.0
    status_pages: str = ""
    status_poll_s: float = 300.0
