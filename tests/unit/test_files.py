"""A file appears whole, whoever else is writing it at the same time."""

from throng.files import atomic_path


def test_two_that_write_one_file_at_once_do_not_share_what_is_half_written(tmp_path):
    path = tmp_path / "table"
    with atomic_path(path) as first:
        first.write_text("first")
        with atomic_path(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"
    assert [file.name for file in tmp_path.iterdir()] == ["table"]
