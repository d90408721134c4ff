"""The redaction key's file: made once, 0600, read by every process of the installation."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from kernel.errors import NotConfigured

_SIZE = 32


def load_or_create(data_dir: Path) -> bytes:
    """The key in `data_dir/redaction.key`. Made at the first start, whole or not at all.

    Raises NotConfigured where the file is there but damaged: a new key would break all joins.
    """
    path = data_dir / "redaction.key"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f"redaction.key.{secrets.token_hex(8)}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(handle, secrets.token_bytes(_SIZE).hex().encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        # A link fails where another process was faster: its key is the key.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    try:
        key = bytes.fromhex(path.read_text().strip())
    except ValueError:
        key = b""
    if len(key) != _SIZE:
        raise NotConfigured(
            f"{path} does not hold a redaction key",
            hint="restore it from the backup; only without one delete it (old tokens stop joining)",
        )
    return key
