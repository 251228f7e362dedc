"""The set-up script `./vamappo` in a small checkout, with package indexes of our own: nothing here leaves the machine.

The wheels are a few lines each. The indexes serve metadata beside each wheel, as the public ones do, and record what was fetched.
"""

import functools
import http.server
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

SHELL = shutil.which("dash") or "/bin/sh"
# Builds the small project without fetching setuptools: what counts here is the script, not the build.
BACKEND = '''
import zipfile

def get_requires_for_build_editable(config_settings=None):
    return []

def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "vamappo-0.0-py3-none-any.whl"
    info = "vamappo-0.0.dist-info/"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr("greeting.py", "import sys\\ndef main():\\n    print('ran', *sys.argv[1:])\\n")
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: vamappo\\nVersion: 0.0\\nRequires-Dist: torch<=2.13.0\\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: ours\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "entry_points.txt", "[console_scripts]\\nvamappo = greeting:main\\n")
        wheel.writestr(info + "RECORD", "")
    return name
'''


def add_wheel(index: Path, name: str, version: str, requires: tuple[str, ...] = ()) -> None:
    """Puts a wheel with one empty module, and its metadata beside it (PEP 658), under `index/name/`."""
    folder = index / name
    folder.mkdir(parents=True, exist_ok=True)
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info/"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + "".join(f"Requires-Dist: {one}\n" for one in requires)
    file = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as wheel:
        wheel.writestr(f"{module}.py", f"version = {version!r}\n")
        wheel.writestr(info + "METADATA", metadata)
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: ours\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(info + "RECORD", "")
    Path(f"{file}.metadata").write_text(metadata)
    links = [f'<a href="{one.name.replace("+", "%2B")}" data-core-metadata="true">{one.name}</a>' for one in sorted(folder.glob("*.whl"))]
    (folder / "index.html").write_text("<!DOCTYPE html><html><body>" + "\n".join(links) + "</body></html>")


class Indexes:
    """A web server over a folder of indexes; `fetched` lists the wheels that were asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fetched: list[str] = []
        self.requests = 0
        outer = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests += 1
                if self.path.endswith(".whl"):
                    outer.fetched.append(self.path.split("/")[-1].replace("%2B", "+"))
                super().do_GET()

            def log_message(self, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/{name}"

    def offer(self, name: str, *, cuda: bool) -> None:
        """Lets the index `name` offer PyTorch's CUDA or CPU build."""
        if cuda:
            add_wheel(self.folder / name, "torch", "2.13.0", ("triton==3.9", "nvidia-cudnn-cu13==9"))
            add_wheel(self.folder / name, "triton", "3.9")
            add_wheel(self.folder / name, "nvidia-cudnn-cu13", "9")
        else:
            add_wheel(self.folder / name, "torch", "2.13.0+cpu")


@pytest.fixture
def indexes(tmp_path: Path) -> Iterator[Indexes]:
    folder = tmp_path / "indexes"
    (folder / "ordinary").mkdir(parents=True)
    (folder / "cpu").mkdir()
    served = Indexes(folder)
    yield served
    served.server.shutdown()
    served.server.server_close()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small project beside a copy of the script, in a folder whose name has spaces."""
    folder = tmp_path / "a small checkout"
    folder.mkdir()
    shutil.copy(ROOT / "vamappo", folder)
    (folder / "backend.py").write_text(BACKEND)
    (folder / "pyproject.toml").write_text('[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n')
    (folder / "setup.cfg").write_text("")
    (folder / "constraints.txt").write_text("torch==2.13.0\n")
    return folder


def surroundings(indexes: Indexes, **more: str) -> dict[str, str]:
    """An environment with our indexes, without a home and without the caller's own pip configuration."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(("PIP_", "TORCH_", "VAMAPPO_"))}
    kept.pop("HOME", None)
    ours = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": indexes.url("ordinary"), "PIP_NO_CACHE_DIR": "1", "PIP_RETRIES": "0"}
    return {**kept, **ours, "TORCH_CPU_INDEX": indexes.url("cpu"), "no_proxy": "127.0.0.1", **more}


def call(checkout: Path, indexes: Indexes, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = [SHELL, str(checkout / "vamappo"), *arguments]
    return subprocess.run(command, cwd=checkout.parent, env=surroundings(indexes, **more), capture_output=True, text=True, timeout=300)


def installed(checkout: Path) -> set[str]:
    """What stands in the environment, as `name-version`."""
    return {path.name.removesuffix(".dist-info") for path in (checkout / ".venv").glob("lib/python*/site-packages/*.dist-info")}


def test_script_is_portable_shell():
    assert subprocess.run([SHELL, "-n", str(ROOT / "vamappo")]).returncode == 0


def test_no_gigabytes_unasked(checkout, indexes):
    """The ordinary index offers CUDA, the CPU index the CPU build: only the latter is fetched, and the second call asks nobody."""
    indexes.offer("ordinary", cuda=True)
    indexes.offer("cpu", cuda=False)
    done = call(checkout, indexes, "two words", "--flag")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "ran two words --flag\n"
    assert indexes.fetched == ["torch-2.13.0+cpu-py3-none-any.whl"]
    before = indexes.requests
    assert call(checkout, indexes, "again").stdout == "ran again\n"
    assert indexes.requests == before


@pytest.mark.full
def test_ordinary_index_is_tried_first(checkout, indexes):
    """And a half-made environment, as an interrupted set-up may leave it, is made anew."""
    (checkout / ".venv/bin").mkdir(parents=True)
    (checkout / ".venv/bin/python").symlink_to(sys.executable)
    indexes.offer("ordinary", cuda=False)
    done = call(checkout, indexes, TORCH_CPU_INDEX="http://127.0.0.1:9/nobody")
    assert done.returncode == 0, done.stderr
    assert indexes.fetched == ["torch-2.13.0+cpu-py3-none-any.whl"]


@pytest.mark.full
@pytest.mark.parametrize("cpu_index_has_cuda", [False, True])
def test_refusal_explains(checkout, indexes, cpu_index_has_cuda):
    indexes.offer("ordinary", cuda=True)
    if cpu_index_has_cuda:
        indexes.offer("cpu", cuda=True)
    done = call(checkout, indexes)
    assert done.returncode == 3
    assert "TORCH_CPU_INDEX" in done.stderr and "VAMAPPO_ANY_TORCH=1" in done.stderr and "CUDA" in done.stderr
    assert not any(name.startswith(("nvidia", "triton")) for name in indexes.fetched)
    assert not any(name.startswith("torch") for name in installed(checkout))
    assert not (checkout / ".vamappo-setup").exists()


@pytest.mark.full
def test_any_torch_takes_what_pip_would(checkout, indexes):
    indexes.offer("ordinary", cuda=True)
    done = call(checkout, indexes, VAMAPPO_ANY_TORCH="1")
    assert done.returncode == 0, done.stderr
    assert "triton-3.9" in installed(checkout)


@pytest.mark.full
def test_an_older_torch_is_not_upgraded_to_cuda(checkout, indexes):
    """After a change of constraints the new version too comes from where the CPU build is."""
    (checkout / "constraints.txt").write_text("torch==2.12.0\n")
    add_wheel(indexes.folder / "ordinary", "torch", "2.12.0")
    assert call(checkout, indexes).returncode == 0
    (checkout / "constraints.txt").write_text("torch==2.13.0\n")
    indexes.offer("ordinary", cuda=True)
    indexes.offer("cpu", cuda=False)
    done = call(checkout, indexes)
    assert done.returncode == 0, done.stderr
    assert "torch-2.13.0+cpu" in installed(checkout) and "triton-3.9" not in installed(checkout)


@pytest.mark.full
def test_a_moved_checkout_runs_its_own_code(checkout, indexes, tmp_path):
    indexes.offer("ordinary", cuda=False)
    assert call(checkout, indexes).returncode == 0
    moved = tmp_path / "moved"
    checkout.rename(moved)
    assert call(moved, indexes, "there").stdout == "ran there\n"
    assert str(checkout) not in (moved / ".venv/bin/vamappo").read_text()


@pytest.mark.full
def test_simultaneous_first_calls(checkout, indexes):
    indexes.offer("ordinary", cuda=False)
    command = [SHELL, str(checkout / "vamappo"), "one of two"]
    both = [subprocess.Popen(command, env=surroundings(indexes), stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [one.communicate(timeout=300)[0] for one in both] == ["ran one of two\n"] * 2
    assert len(indexes.fetched) == 1


@pytest.mark.full
def test_a_killed_set_up_is_taken_over(checkout, indexes):
    indexes.offer("ordinary", cuda=False)
    first = subprocess.Popen([SHELL, str(checkout / "vamappo")], env=surroundings(indexes), start_new_session=True)
    deadline = time.monotonic() + 60
    while not (checkout / ".venv/bin").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert (checkout / ".vamappo-setup").exists()
    began = time.monotonic()
    assert call(checkout, indexes, "on").stdout == "ran on\n"
    assert time.monotonic() - began < 120


@pytest.mark.full
def test_refuses_without_python(checkout, indexes, tmp_path):
    """A PATH with tools but a Python that is too old: exit 3 and one sentence that says what is needed."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("cat", "cksum", "dirname", "mkdir", "rmdir", "rm", "sleep", "grep", "uname", "mv", "sed"):
        (tools / name).symlink_to(str(shutil.which(name)))
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        (tools / name).write_text("#!/bin/sh\nexit 1\n")
        (tools / name).chmod(0o755)
    done = call(checkout, indexes, PATH=str(tools))
    assert done.returncode == 3
    assert "Python 3.11" in done.stderr
