"""The direction of imports: simulator <- {agents, analysis} <- scenarios; and what a bare import may load."""

import ast
import subprocess
import sys

import pytest

from tests.conftest import ROOT

ALLOWED = {
    "simulator": {"simulator"},
    "agents": {"agents", "simulator"},
    "analysis": {"analysis", "simulator"},
    "scenarios": {"scenarios", "agents", "analysis", "simulator"},
}
HEAVY = {"torch", "scipy", "networkx", "pyarrow", "joblib", "matplotlib", "pandas", "gymnasium", "pettingzoo"}
LEARNING = {f"agents/{name}.py" for name in ("networks", "losses", "learner")}  # made of torch, and imported only where learning happens
FACES = {f"agents/environments/{name}.py" for name in ("spaces", "multi", "single")}  # made of Gymnasium and PettingZoo
FILES = [path for room in ALLOWED for path in sorted((ROOT / room).rglob("*.py"))]


def imported(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path):
    room = path.relative_to(ROOT).parts[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert imported(tree) & set(ALLOWED) <= ALLOWED[room]
    if room == "simulator":
        assert not imported(tree) & {"torch", "matplotlib", "typer", "rich"}
    at_top = imported(ast.Module([node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], []))
    name = str(path.relative_to(ROOT))
    allowed = {"torch"} if name in LEARNING else {"gymnasium", "pettingzoo"} if name in FACES else set()
    assert not at_top & HEAVY - allowed, "heavy packages are imported where they are used"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


BUILT = "from scenarios.reading import load; load('m-m-1').build()"


@pytest.mark.parametrize("statement", ["import scenarios", "import scenarios.commands", "import scenarios.environments", BUILT])
def test_cheap_imports(statement):
    code = f"{statement}\nimport sys\nprint(*({sorted(HEAVY)!r} and [name for name in {sorted(HEAVY)!r} if name in sys.modules]))"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert found == []


def test_a_baseline_run_never_loads_torch():
    code = "import sys; from scenarios.reading import load; from agents.baselines import Random\n"
    code += "s = load('m-m-1', ['requests=200']).build(); s.run(Random().actor(s)); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def modules_of(tree: ast.AST) -> set[str]:
    """Modules of this project that are imported from."""
    found = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    return {module for module in found if module.split(".")[0] in (*ALLOWED, "tests", "benchmarks")}


def test_modules_that_are_imported_exist():
    for path in [*FILES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]:
        for module in modules_of(ast.parse(path.read_text(encoding="utf-8"))):
            place = ROOT.joinpath(*module.split("."))
            assert place.with_suffix(".py").exists() or (place / "__init__.py").exists(), f"{path.relative_to(ROOT)} imports from {module}"


def test_no_module_hides_a_public_function():
    """A module of that name, once imported, would take the function's place in the package."""
    import scenarios

    assert not [name for name in scenarios.__all__ if (ROOT / "scenarios" / f"{name}.py").exists()]
    assert scenarios.load("m-m-1").scenario == scenarios.load("m-m-1").scenario
