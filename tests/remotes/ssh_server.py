"""A store behind a real OpenSSH server on loopback, with keys of its own."""

import contextlib
import getpass
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.remotes.stores import FolderStore, Who, free_port, wait_for

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
LACKING = None if SSHD else "no OpenSSH server here; on Debian: apt-get install openssh-server"
READ_ONLY = 'command="internal-sftp -R" '


class SshStore(FolderStore):
    """A folder that is reached by SFTP."""

    name = "ssh"

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(folder / "store")
        self.keys = folder
        self.port = port

    def settings(self, who: Who = "owner", port: int | None = None) -> dict[str, str]:
        return {
            "url": f"ssh://127.0.0.1:{port or self.port}{self.folder}",
            "keyfile": str(self.keys / who),
            "user": getpass.getuser(),
        }


@contextlib.contextmanager
def ssh_store(folder: Path) -> Iterator[SshStore]:
    """A store whose server runs until the block ends; its files are in ``folder``."""
    assert SSHD
    for name in ("host", "owner", "reader", "stranger"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    owner, reader = ((folder / f"{name}.pub").read_text() for name in ("owner", "reader"))
    (folder / "authorized").write_text(owner + READ_ONLY + reader)
    port, log = free_port(), folder / "log"
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
        f"PidFile {folder}/pid\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nSubsystem sftp internal-sftp\n"
    )
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd insists on it when it starts as root
    with (
        log.open("w") as said,
        subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "config"], stderr=said) as process,
    ):
        try:
            wait_for(port, log)
            yield SshStore(folder, port)
        finally:
            process.terminate()
