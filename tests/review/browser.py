"""A real browser under a test's hands: Chromium without a window, driven through a pipe (Chrome DevTools Protocol)."""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium")
MISSING = "chromium is not installed (Debian: chromium)"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
KEYS = {"Enter": 13, "Escape": 27}


class Browser:
    """One page; ``log`` holds what it wrote to its console as a warning or an error."""

    def __init__(self, send_to: int, read_from: int) -> None:
        self._out, self._in = os.fdopen(send_to, "wb", 0), os.fdopen(read_from, "rb")
        self._number, self._pending, self.log = 0, b"", list[str]()
        target = self._send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """The answer to a command to the page."""
        return self._send(method, self._session, **params)

    def resize(self, width: int, height: int) -> None:
        """The window is so large, in CSS pixels."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def open(self, address: str) -> None:
        """The page at ``address`` is shown, and its script has come to an end."""
        self.send("Page.navigate", url=address)
        self.wait("document.readyState === 'complete' && document.body.dataset.ready === 'yes'")

    def leave(self) -> None:
        """No page is shown, and none asks a server for anything any more."""
        self.send("Page.navigate", url="about:blank")
        self.wait("location.href === 'about:blank' && document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def text(self, id_: str) -> str:
        """The text of an element."""
        return str(self.run(f"document.getElementById('{id_}').innerText"))

    def wait(self, condition: str, seconds: float = 20) -> None:
        """The expression has become true."""
        self.wait_for(lambda: bool(self.run(condition)), condition, seconds)

    def wait_for(self, condition: Callable[[], bool], said: str, seconds: float = 20) -> None:
        """The condition has become true."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"{said} did not come true; {self.log}"
            time.sleep(0.02)

    def press(self, key: str, shift: bool = False) -> None:
        """A key goes down and up."""
        known = {"key": key, "windowsVirtualKeyCode": KEYS.get(key, ord(key[0].upper())), "modifiers": 8 * shift}
        for kind in ("rawKeyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, **known)

    def drag(self, *points: tuple[float, float]) -> None:
        """The mouse goes down at the first point of the window, along the others, and up at the last."""
        kinds = ["mousePressed", *["mouseMoved"] * (len(points) - 1), "mouseReleased"]
        for kind, (x, y) in zip(kinds, [*points, points[-1]], strict=True):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def screenshot(self, path: Path) -> None:
        """``path`` holds what the window shows, as a PNG image."""
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"]))

    def _send(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        self._out.write(json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._number:
            self._note(answer)
        assert "error" not in answer, (method, answer["error"])
        result: dict[str, Any] = answer["result"]
        return result

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._pending:
            part = os.read(self._in.fileno(), 1 << 20)
            assert part, "the browser has ended"
            self._pending += part
        message, _, self._pending = self._pending.partition(b"\0")
        content: dict[str, Any] = json.loads(message)
        return content

    def _note(self, event: dict[str, Any]) -> None:
        params = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            self.log.append(str(params["exceptionDetails"]))
        if event.get("method") == "Log.entryAdded" and params["entry"]["level"] in ("warning", "error"):
            self.log.append(params["entry"]["text"])
        if event.get("method") == "Runtime.consoleAPICalled" and params["type"] in ("warning", "error", "assert"):
            self.log.append(str(params["args"]))


@contextlib.contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A browser with an empty profile in the folder ``profile``; it ends with the block."""
    assert CHROMIUM is not None
    to_browser, from_browser = os.pipe(), os.pipe()

    # The browser reads commands from 3 and writes answers to 4.
    redirect = f'exec "$@" 9>&{from_browser[1]} 3<&{to_browser[0]} 4>&9 9>&-'
    process = subprocess.Popen(
        ["bash", "-c", redirect, "bash", CHROMIUM, *FLAGS, f"--user-data-dir={profile}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(to_browser[0], from_browser[1]),
    )
    os.close(to_browser[0])
    os.close(from_browser[1])
    try:
        yield Browser(to_browser[1], from_browser[0])
    finally:
        process.terminate()
        process.wait(20)
