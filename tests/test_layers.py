"""The layers of ARCHITECTURE.md: who may import whom, no cycle, and the size of files."""

import ast
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BASE = {"model", "errors"}
SUPPORT = BASE | {"gauges", "metrics", "bus", "config", "crypto", "saslprep", "url"}
SESSION = SUPPORT | {"imap", "mime", "ingest", "query", "store", "intake", "session"}
SYNC = SUPPORT | {"imap", "pop3", "mime", "ingest", "query", "store", "intake", "sync"}
ADMIN = SESSION | SYNC | {"admin", "archive"}
ALL = ADMIN | {"net", "web", "doctor", "onboarding", "cli", "app", "worker"}
MAY_IMPORT = {
    "model": {"model"},
    "errors": set(),
    "gauges": BASE,
    "metrics": BASE | {"gauges"},
    "bus": BASE,
    "url": BASE,
    "config": BASE | {"url"},
    "saslprep": set(),
    "crypto": BASE | {"saslprep"},
    "imap": BASE | {"imap"},
    "pop3": BASE | {"pop3", "saslprep"},
    "mime": BASE | {"mime"},
    "ingest": BASE | {"ingest", "mime", "imap", "query"},
    "onboarding": BASE | {"onboarding"},
    "archive": BASE | {"archive", "mime"},
    "query": BASE | {"query", "mime", "imap"},
    "intake": BASE | {"ingest", "store"},
    "store": BASE | {"store", "metrics"},
    "session": SESSION,
    "sync": SYNC,
    "admin": ADMIN,
    "net": ADMIN | {"net"},
    "web": ADMIN | {"net", "web"},
    "doctor": BASE | {"config", "net", "doctor"},
    "cli": ALL,
    "app": ALL | {"logs"},
    "logs": BASE,
    "worker": BASE | {"ingest"},
    "__main__": {"cli"},
    "__init__": set(),
}
THIRD_PARTY = {
    "gauges": {"prometheus_client"},
    "metrics": {"prometheus_client"},
    "crypto": {"cryptography", "argon2"},
    "onboarding": {"segno"},
    "store": {"sqlalchemy", "alembic", "pysqlite3"},
    "net": {"twisted", "zope", "OpenSSL", "cryptography", "service_identity"},
    "web": {"twisted", "zope", "prometheus_client", "jinja2", "markupsafe"},
    "doctor": {"imapclient", "cryptography"},
    "cli": {"click"},
    "app": {"twisted"},
    "logs": {"twisted"},
}
FILES = sorted((ROOT / "bridge").rglob("*.py"))
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def package(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_each_package_imports_only_what_its_layer_may(path: Path) -> None:
    own = package(module_name(path))
    for name in imports(path):
        top = name.split(".")[0]
        if top == "bridge":
            if "." in name and name != "bridge.__version__":
                assert package(name) in MAY_IMPORT[own], f"{path.name} imports {name}"
        elif top not in sys.stdlib_module_names:
            assert top in THIRD_PARTY.get(own, set()), f"{path.name} imports {name}"


def test_no_import_cycle() -> None:
    modules = {module_name(path): path for path in FILES}
    graph = {
        name: {wanted for wanted in imports(path) if wanted in modules and wanted != name}
        for name, path in modules.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as cycle:
        pytest.fail(f"import cycle: {' -> '.join(cycle.args[1])}")


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= MAX_FILE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < MAX_FUNCTION_LINES, node.name
