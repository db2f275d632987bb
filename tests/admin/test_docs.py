"""What docs/accounts.md shows is what popbridge reads."""

import asyncio
import re
from pathlib import Path
from typing import Any

from bridge.admin import accounts_file
from bridge.admin.accounts_file import read_accounts
from bridge.admin.apply import apply_accounts
from bridge.cli.log_in import log_in_options
from bridge.store.engine import open_store
from tests.admin.owner import Owner

PAGE = (Path(__file__).parents[2] / "docs" / "accounts.md").read_text()
EXAMPLE = PAGE.partition("```toml\n")[2].partition("```")[0]


def test_the_example_can_be_applied_and_then_there_is_nothing_to_change(tmp_path: Path) -> None:
    store = open_store(tmp_path / "db", on_commit=lambda changes: None, clock_s=lambda: 1.0)
    admin: Any = Owner(store)
    for expected in (["alice@example.org", "bob", "carol"], []):
        specs = read_accounts(EXAMPLE, Path("/etc/popbridge"))
        for spec in specs:
            assert spec.pop("password_from")
            spec["password"] = "device"
        told: Any = asyncio.run(apply_accounts(admin, specs, prune=True, dry_run=False))
        assert [change["login"] for change in told["changes"]] == expected
    assert store.read(lambda tx: tx.account("bob")).upstream.user == "bob@example.org"  # type: ignore[union-attr]
    store.close()


def test_the_page_names_every_key_and_option() -> None:
    keys = [*accounts_file._KEYS, *(f"tls.{name}" for name in accounts_file._TLS)]
    assert [key for key in keys if f"{key} = " not in PAGE and f"`{key}`" not in PAGE] == ["tls"]

    @log_in_options
    def command() -> None: ...

    options: Any = command
    said = {word for one in options.__click_params__ for word in one.opts + one.secondary_opts}
    written = set(re.findall(r"--[a-z0-9-]+", PAGE))
    assert said - written == {"--allow-cleartext"}
