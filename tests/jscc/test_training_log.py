import sys
import types

import pytest

from jscc import logs
from jscc.logs import TrainingLog
from linksim.errors import LinksimError
from linksim.files import write_atomically


def test_resuming_drops_the_rows_after_the_saved_step(tmp_path):
    log = TrainingLog(tmp_path, 0)
    for step in (10, 20, 30):
        log.add(step, {"loss": step / 4})
    again = TrainingLog(tmp_path, 20)
    again.add(30, {"loss": 1.0})
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert lines == ["step,loss", "10,2.5", "20,5", "30,1"]


def test_tensorboard_gets_the_same_numbers_where_it_is_installed(tmp_path, monkeypatch):
    seen = []

    class Writer:
        def __init__(self, folder, purge_step):
            seen.append(("purge", purge_step))

        def add_scalar(self, name, value, step):
            seen.append((name, value, step))

        def flush(self):
            pass

    monkeypatch.setattr(logs, "find_spec", lambda name: name == "tensorboard")
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", types.SimpleNamespace(SummaryWriter=Writer))
    TrainingLog(tmp_path, 4).add(5, {"loss": 0.5, "val_psnr": 21.0})
    assert seen == [("purge", 5), ("loss", 0.5, 5), ("val_psnr", 21.0, 5)]


def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    """TensorBoard's own errors are not OSErrors where TensorFlow writes the files."""
    pytest.importorskip("tensorboard")

    def full(*_args, **_options):
        raise RuntimeError("events.out; No space\nleft on device")

    with pytest.raises(LinksimError, match=r"cannot write .*log.csv: No such file"):
        write_atomically(tmp_path / "absent" / "log.csv", b"")
    monkeypatch.setattr("torch.utils.tensorboard.SummaryWriter", full)
    with pytest.raises(LinksimError, match=r"cannot write .*tensorboard: events.out; No space left on device"):
        TrainingLog(tmp_path, 0)
