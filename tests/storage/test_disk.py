import shutil
from pathlib import Path

from liqalert.storage.disk import free_bytes


def test_a_file_has_the_room_of_its_file_system_also_before_it_exists(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free

    found = free_bytes(tmp_path / "absent" / "liqalert.db")

    # Others write to the same disk meanwhile.
    assert found is not None
    assert abs(found - free) < 2_000_000_000


def test_a_server_says_nothing_about_its_disk() -> None:
    assert free_bytes(None) is None
