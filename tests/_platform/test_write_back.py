from augforge._platform.write_back import start_write_back
from augforge.format.publishing import write_at


def test_write_back_changes_nothing(tmp_path):
    path = tmp_path / "file"
    with path.open("wb") as file:
        write_at(file.fileno(), b"0123456789", 0)
        start_write_back(file.fileno(), 0, 4)
        start_write_back(file.fileno(), 4, 6)
        write_at(file.fileno(), b"x", 1)
    assert path.read_bytes() == b"0x23456789"
