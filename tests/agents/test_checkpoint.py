"""Checkpoints: training resumed is training uninterrupted; a foreign file is refused and runs nothing."""

import io
import os
import pickle

import numpy as np
import pytest
import torch

from agents.checkpoint import CheckpointError, read, restore, save
from tests.agents.made import learner, trained, weights


@pytest.mark.parametrize("keys", [{}, {"parameters": "separate", "adaptation": "state", "control": "shuffled"}, {"algorithm": "ippo"}])
def test_resuming_equals_going_on(tmp_path, keys):
    path = tmp_path / "at-3.pt"
    whole = trained(learner(**keys), 6)
    half = trained(learner(**keys), 3)
    save(path, half, {"note": 1}, {"column": np.arange(3)})
    resumed, more, arrays = restore(path)
    assert more == {"note": 1} and arrays["column"].tolist() == [0, 1, 2]
    trained(resumed, 3, first=3)
    assert np.array_equal(weights(resumed), weights(whole)) and resumed.updates == 6


class Evil:
    def __reduce__(self):
        return (os.mkdir, ("ran",))


def foreign_files():
    evil = io.BytesIO()
    np.savez(evil, described=np.array([Evil()], dtype=object))
    other = io.BytesIO()
    np.savez(other, described=np.frombuffer(b'{"format": "other"}', np.uint8))
    tensor = io.BytesIO()
    torch.save({"a": Evil()}, tensor)
    return {"pickle": pickle.dumps(Evil()), "object-array": evil.getvalue(), "other": other.getvalue(), "torch": tensor.getvalue(),
            "empty": b"", "text": b"hello"}  # fmt: skip


@pytest.mark.parametrize("name", ["pickle", "object-array", "other", "torch", "empty", "text"])
def test_foreign_files_are_refused_and_run_nothing(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "foreign.pt"
    path.write_bytes(foreign_files()[name])
    with pytest.raises(CheckpointError, match=r"foreign\.pt: not a checkpoint"):
        restore(path)
    assert not (tmp_path / "ran").exists()


def test_a_cut_file_is_refused_and_a_failed_write_leaves_the_old_one(tmp_path):
    path = tmp_path / "a.pt"
    save(path, learner(algorithm="ippo"))
    whole = path.read_bytes()
    with pytest.raises(ValueError):
        save(path, learner(algorithm="ippo"), {"not json": float("nan")})
    assert path.read_bytes() == whole and os.listdir(tmp_path) == ["a.pt"]
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="damaged"):
        read(path)
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        read(tmp_path / "none.pt")
