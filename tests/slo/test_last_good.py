"""A restart with faulty objective files goes on with the last set that loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel.errors import BadInput, NotConfigured
from slo.catalogue import Catalogue
from slo.last_good import LastGood, keep_running, load_running
from tests.slo.openslo.samples import GOOD


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "objectives"
    (folder / "team").mkdir(parents=True)
    (folder / "team" / "payment.yaml").write_text(GOOD)
    return folder


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


def start(files: Path, data_dir: Path) -> Catalogue:
    catalogue = load_running(files, data_dir)
    keep_running(catalogue, files, data_dir)
    return catalogue


def test_a_faulty_set_at_the_first_start_is_refused(files: Path, data_dir: Path) -> None:
    (files / "b.yaml").write_text("kind: SLO")
    with pytest.raises(BadInput, match="objective files"):
        start(files, data_dir)
    assert LastGood(data_dir).current() is None


def test_a_good_start_has_no_fault_and_is_kept(files: Path, data_dir: Path) -> None:
    assert start(files, data_dir).fault == ""
    held = LastGood(data_dir).current()
    assert held is not None
    assert (held / "team" / "payment.yaml").read_text() == GOOD


def test_files_that_become_faulty_leave_the_last_good_set_in_force(
    files: Path, data_dir: Path
) -> None:
    first = start(files, data_dir)
    (files / "team" / "payment.yaml").write_text(GOOD.replace("0.999", "1.0"))
    (files / "other.yaml").write_text("nonsense: [")
    for _ in range(2):  # a second restart must not keep the copy of nothing
        again = start(files, data_dir)
        assert dict(again) == dict(first)
        assert "2 fault(s)" in again.fault
        assert "last good set" in again.fault


def test_a_folder_that_vanished_is_no_empty_shop(files: Path, data_dir: Path) -> None:
    first = start(files, data_dir)
    files.rename(files.parent / "elsewhere")
    again = load_running(files, data_dir)
    assert dict(again) == dict(first)
    assert "does not exist" in again.fault


def test_mended_files_are_in_force_again(files: Path, data_dir: Path) -> None:
    start(files, data_dir)
    path = files / "team" / "payment.yaml"
    path.write_text("nonsense")
    assert start(files, data_dir).fault
    path.write_text(GOOD.replace("0.999", "0.99"))
    mended = start(files, data_dir)
    assert mended.fault == ""
    held = LastGood(data_dir).current()
    assert held is not None
    assert dict(Catalogue.load(held)) == dict(mended)


def test_only_the_newest_set_is_kept(files: Path, data_dir: Path) -> None:
    for target in ("0.9", "0.99", "0.95"):
        (files / "team" / "payment.yaml").write_text(GOOD.replace("0.999", target))
        start(files, data_dir)
    kept = [one for one in (data_dir / "objectives.last-good").iterdir() if one.is_dir()]
    assert kept == [LastGood(data_dir).current()]


def test_a_copy_that_was_cut_off_is_never_in_force(files: Path, data_dir: Path) -> None:
    """The pointer moves last: what a crash leaves behind has no name."""
    start(files, data_dir)
    held = LastGood(data_dir).current()
    half = data_dir / "objectives.last-good" / "tmpabc"
    half.mkdir()
    (half / "payment.yaml").write_text("half a fi")
    assert LastGood(data_dir).current() == held
    (files / "team" / "payment.yaml").write_text(GOOD.replace("0.999", "0.99"))
    start(files, data_dir)
    assert not half.exists()


def test_a_last_good_set_that_no_longer_loads_tells_the_fault_of_the_files(
    files: Path, data_dir: Path
) -> None:
    start(files, data_dir)
    held = LastGood(data_dir).current()
    assert held is not None
    (held / "team" / "payment.yaml").write_text("gone bad")
    (files / "team" / "payment.yaml").unlink()
    with pytest.raises(NotConfigured, match="no objective"):
        load_running(files, data_dir)
