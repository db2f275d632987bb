"""A headless Chromium, driven over its pipe by the DevTools protocol."""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium")
ANSWER_S = 120.0


class Chromium:
    """One browser with one page; the folder holds its profile."""

    def __init__(self, folder: Path, *, javascript: bool = True) -> None:
        assert CHROMIUM is not None
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()
        # It reads descriptor 3 and writes 4.
        script = f'exec 5<&{commands} 6>&{answers}; exec 3<&5 4>&6 5<&- 6>&-; exec "$@"'
        self._process = subprocess.Popen(
            [
                "bash", "-c", script, "chromium", CHROMIUM, "--headless=new", "--no-sandbox",
                "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage",
                "--no-first-run", "--disable-background-networking", "--disable-extensions",
                f"--user-data-dir={folder}", "about:blank",
            ],
            pass_fds=(commands, answers),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(folder)},
        )  # fmt: skip
        os.close(commands)
        os.close(answers)
        self._number, self._rest = 0, b""
        self._session = ""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self.complaints: list[str] = []
        self.call("Log.enable")
        self.call("Page.enable")
        if not javascript:
            self.call("Emulation.setScriptExecutionDisabled", value=True)

    def call(self, method: str, **params: Any) -> Any:
        """What a command of the protocol returns."""
        self._number += 1
        request = {"id": self._number, "method": method, "params": params}
        if self._session:
            request["sessionId"] = self._session
        os.write(self._commands, json.dumps(request).encode() + b"\0")
        deadline = time.monotonic() + ANSWER_S
        while True:
            answer = self._next(deadline)
            if answer.get("method") == "Log.entryAdded":
                self.complaints.append(answer["params"]["entry"]["text"])
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def _next(self, deadline: float) -> Any:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._answers], [], [], deadline - time.monotonic())
            assert ready, "Chromium says nothing"
            octets = os.read(self._answers, 1 << 16)
            assert octets, "Chromium ended"
            self._rest += octets
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def look(self, width: int, *, dark: bool = False) -> None:
        """Sees pages so wide, and light or dark."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=800, deviceScaleFactor=1, mobile=width < 500,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, url: str) -> None:
        """Goes there, and waits until it is there."""
        self.call("Page.navigate", url=url)
        self.until("document.readyState == 'complete' && location.href != 'about:blank'")

    def value(self, expression: str) -> Any:
        """Of an expression, also where the page's own scripts don't run."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return result["result"].get("value")

    def until(self, expression: str) -> Any:
        """Waits until an expression is true."""
        deadline = time.monotonic() + ANSWER_S
        while not (found := self._try(expression)):
            assert time.monotonic() < deadline, expression
            time.sleep(0.05)
        return found

    def _try(self, expression: str) -> Any:
        # While one page takes the place of another there is nothing to evaluate in.
        with suppress(AssertionError):
            return self.value(expression)

    def click(self, selector: str) -> None:
        """Clicks in the middle of an element, as a mouse does."""
        where = json.loads(
            self.until(
                f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
                " if (!e) return ''; e.scrollIntoView({block: 'center'});"
                " const r = e.getBoundingClientRect();"
                " return JSON.stringify([r.x + r.width / 2, r.y + r.height / 2]) })()"
            )
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call(
                "Input.dispatchMouseEvent",
                type=kind, x=where[0], y=where[1], button="left", clickCount=1,
            )  # fmt: skip

    def shoot(self, path: Path) -> None:
        """A picture of the whole page."""
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def close(self) -> None:
        """Ends it."""
        with suppress(AssertionError, OSError):
            self._session = ""
            self.call("Browser.close")
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._commands)
        os.close(self._answers)
