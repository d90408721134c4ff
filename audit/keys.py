"""The log's keys and the newest signed checkpoint: files outside of the database."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from audit.note import (
    Checkpoint,
    SignerKey,
    VerifierKey,
    open_checkpoint,
    parse_signer,
    parse_vkey,
)
from audit.settings import AuditSettings
from kernel.errors import BadInput, NotConfigured


def signing_key(settings: AuditSettings) -> SignerKey:
    """The signing key, made at the first start. Raises NotConfigured where it was lost."""
    path = settings.key_path
    if not path.exists():
        _make_key(settings)
    try:
        key = parse_signer(path.read_text("utf-8"))
    except (BadInput, UnicodeDecodeError) as error:
        raise NotConfigured(
            f"{path.name} is not a signing key: {error}", hint=f"restore {path} from a backup"
        ) from None
    _publish_vkey(settings, key.verifier)
    return key


def verifier_key(settings: AuditSettings) -> VerifierKey:
    """The public key that belongs to this data folder. Raises NotConfigured where there is none."""
    path = settings.vkey_path
    try:
        return parse_vkey(path.read_text("utf-8"))
    except FileNotFoundError:
        raise NotConfigured(
            f"there is no audit log yet: {path} is missing",
            hint="start the service once, or name its folder with --data-dir",
        ) from None
    except (BadInput, UnicodeDecodeError) as error:
        raise NotConfigured(f"{path} is no public key: {error}") from None


def last_signed(settings: AuditSettings, key: VerifierKey) -> Checkpoint | None:
    """The newest checkpoint that was signed here. Raises BadInput where the file is not ours."""
    note = read_note(settings.checkpoint_path)
    return None if note is None else open_checkpoint(note, key)


def read_note(path: Path) -> bytes | None:
    """Bytes of a checkpoint file; None where there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def write_durably(path: Path, data: bytes) -> None:
    """Replace the file atomically: after return either the new bytes are on disk, or it raised."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    _write_new(temporary, data, 0o644)
    temporary.replace(path)
    _sync_folder(path.parent)


def _make_key(settings: AuditSettings) -> None:
    """Make the key once, also where two processes start at the same time."""
    if settings.vkey_path.exists() and settings.checkpoint_path.exists():
        raise NotConfigured(
            f"{settings.key_path} is gone, but this log was signed with it",
            hint="restore the key from a backup; a new key would be a new log",
        )
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    seed = secrets.token_bytes(32)
    public = SignerKey("_", seed).verifier.public
    name = settings.audit_origin or f"tillwatch/{hashlib.sha256(public).hexdigest()[:16]}/audit"
    text = f"{SignerKey(name, seed).text()}\n"
    parse_signer(text)
    temporary = settings.key_path.with_name(f".audit.key.{secrets.token_hex(4)}")
    _write_new(temporary, text.encode(), 0o600)
    try:
        os.link(temporary, settings.key_path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
    _sync_folder(settings.data_dir)


def _publish_vkey(settings: AuditSettings, key: VerifierKey) -> None:
    text = f"{key}\n"
    path = settings.vkey_path
    if not path.exists():
        write_durably(path, text.encode())
    elif path.read_text("utf-8") != text:
        raise NotConfigured(
            f"{path} does not belong to {settings.key_path.name}",
            hint="one of the two was replaced: restore both from the same backup",
        )


def _write_new(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
