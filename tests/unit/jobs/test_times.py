"""Records of time: that of the job that made the data stays."""

from langscale.jobs import times


def test_the_first_record_is_put_back(tmp_path):
    log, record = tmp_path / "train/seed1.log", tmp_path / "train/seed1.tsv"
    log.parent.mkdir()
    times.keep(log)  # nothing was recorded
    times.restore(tmp_path)
    assert not list(log.parent.iterdir())
    record.write_text("3600")
    for short in ("0.1", "0.2"):  # two starts, of which the first was killed
        times.keep(log)
        record.write_text(short)
    before = record.stat().st_mtime_ns
    times.restore(tmp_path)
    assert record.read_text() == "3600" and record.stat().st_mtime_ns >= before
    assert list(log.parent.iterdir()) == [record]


def test_data_that_are_made_again_have_a_new_record(tmp_path):
    log, record = tmp_path / "statistics.log", tmp_path / "statistics.tsv"
    record.write_text("20")
    times.keep(log)
    times.forget(log)
    record.write_text("30")
    times.restore(tmp_path)
    assert record.read_text() == "30" and list(tmp_path.iterdir()) == [record]


def test_an_end_without_records_does_nothing(tmp_path):
    times.restore(tmp_path / "nowhere")
