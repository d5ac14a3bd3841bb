"""A store behind a real nginx on loopback that takes files by PUT, as WebDAV has it, with passwords."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.remotes.stores import FolderStore, Who, free_port, wait_for

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
LACKING = None if NGINX else "no nginx here; on Debian: apt-get install nginx-light"
CONFIG = """\
{user}
daemon off;
pid {folder}/pid;
events {{ }}
http {{
  access_log off;
  client_max_body_size 0;
  {temporary}
  auth_basic store;
  auth_basic_user_file {folder}/passwords;
  server {{
    listen 127.0.0.1:{port};
    location /store/ {{
      root {folder};
      dav_methods PUT DELETE;
      create_full_put_path on;
    }}
    location /reader/ {{
      alias {folder}/store/;
    }}
  }}
}}
"""
TEMPORARY = ("client_body", "fastcgi", "proxy", "scgi", "uwsgi")


class HttpStore(FolderStore):
    """A folder that is reached by HTTP."""

    name = "http"

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(folder / "store")
        self.port = port

    def settings(self, who: Who = "owner", port: int | None = None) -> dict[str, str]:
        place = "reader" if who == "reader" else "store"
        return {
            "url": f"http://127.0.0.1:{port or self.port}/{place}",
            "method": "PUT",
            "auth": "basic",
            "user": "test",
            "password": "wrong" if who == "stranger" else "right",
        }


@contextlib.contextmanager
def http_store(folder: Path) -> Iterator[HttpStore]:
    """A store whose server runs until the block ends; its files are in ``folder``."""
    assert NGINX
    port, log = free_port(), folder / "log"
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in TEMPORARY)
    user = "user root;" if os.getuid() == 0 else ""  # as root it would write as somebody else
    (folder / "config").write_text(CONFIG.format(folder=folder, port=port, temporary=temporary, user=user))
    (folder / "passwords").write_text("test:{PLAIN}right\n")
    command = [NGINX, "-p", str(folder), "-e", str(log), "-c", str(folder / "config")]
    store = HttpStore(folder, port)
    with subprocess.Popen(command) as process:
        try:
            wait_for(port, log)
            yield store
        finally:
            process.terminate()
