"""A process that has imported the daemon and forks one for each life: starting Python anew would
cost a second each time. A child does what the command `popbridge run` does.

Asked on stdin, a line of JSON each: {"data", "control", "journal", "log", "sabotage"} answers with
the child's pid, {"wait": pid} with its status once it has ended.
"""

import ctypes
import gc
import importlib
import json
import os
import signal
import sys
from typing import Any

PR_SET_PDEATHSIG = 1
MODULES = (
    "bridge.app",
    "bridge.cli.main",
    "bridge.cli.run",
    "bridge.admin.operations",
    "alembic.command",
    "alembic.config",
    "alembic.ddl.sqlite",
    "bridge.store.migrations.versions.v0001_initial",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "twisted.internet.epollreactor",
    "twisted.internet.unix",
    "twisted.internet.endpoints",
    "twisted.protocols.tls",
    "tests.torture.sabotage",
)


def main() -> None:
    """Serves until stdin ends."""
    for name in MODULES:
        importlib.import_module(name)
    assert "twisted.internet.reactor" not in sys.modules, "a reactor can't be shared"
    gc.collect()
    gc.freeze()
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if "wait" in asked:
            print(os.waitstatus_to_exitcode(os.waitpid(asked["wait"], 0)[1]), flush=True)
        else:
            print(_born(asked), flush=True)


def _born(asked: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        _live(asked)
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1
    finally:
        sys.stderr.flush()
        os._exit(code)


def _live(asked: dict[str, Any]) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    paths = (asked["data"], asked["control"], asked["journal"] or "")
    # Whoever kills the zygote must not leave daemons behind.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    ctypes.CDLL(None).torture_arm(*(os.fsencode(path) for path in paths))
    from bridge.cli.main import main as popbridge
    from tests.torture import sabotage

    if asked["sabotage"]:
        sabotage.apply(asked["sabotage"])
    popbridge(["--data", asked["data"], "run"])


if __name__ == "__main__":
    main()
