"""A store in a bucket of a real S3 server on loopback (moto's), with users, keys and rights."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
from filelock import FileLock

from tests.remotes.stores import PREFIX, Store, Who, free_port, wait_for

MOTO = "5.2.5"
ENVIRONMENT = Path(__file__).parents[2] / ".work" / f"moto-{MOTO}"
"""Of its own: what moto requires would move the project's pins."""
PACKAGES = (f"moto[s3]=={MOTO}", "flask", "flask-cors")
BUCKET = "bucket"
ANY = ["arn:aws:s3:::*"]


def install_moto() -> str | None:
    """moto is in `ENVIRONMENT`; otherwise, why it cannot be."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        return "no uv here, which installs moto (an S3 server); run: make setup"
    ENVIRONMENT.parent.mkdir(exist_ok=True)
    whole = ENVIRONMENT / "whole"
    with FileLock(f"{ENVIRONMENT}.lock"):
        if whole.exists():
            return None
        python = str(ENVIRONMENT / "bin" / "python")
        for words in (
            ["venv", "--clear", "--python", sys.executable, str(ENVIRONMENT)],
            ["pip", "install", "--python", python, *PACKAGES],
        ):
            done = subprocess.run([uv, *words, "--quiet"], capture_output=True, text=True, check=False)
            if done.returncode:
                return f"moto (an S3 server) cannot be installed here: {done.stderr.strip()[-300:]}"
        whole.touch()
    return None


class S3Store(Store):
    """A bucket."""

    name = "s3"

    def __init__(self, port: int) -> None:
        self.port = port
        make_client = botocore.session.get_session().create_client
        shared = {
            "endpoint_url": f"http://127.0.0.1:{port}", "region_name": "us-east-1",
            "aws_access_key_id": "root", "aws_secret_access_key": "root",
        }  # fmt: skip
        self._s3: Any = make_client("s3", **shared)
        iam: Any = make_client("iam", **shared)
        self._s3.create_bucket(Bucket=BUCKET)
        everything = ["s3:*"]
        self._keys = {
            "root": _make_user(iam, "root", everything),
            "owner": _make_user(iam, "owner", everything),
            "reader": _make_user(iam, "reader", ["s3:Get*", "s3:List*"]),
        }
        self._keys["stranger"] = (self._keys["owner"][0], "wrong")
        credentials = dict(zip(("aws_access_key_id", "aws_secret_access_key"), self._keys["root"], strict=True))
        self._s3 = make_client("s3", **shared | credentials)
        check_rights = f"http://127.0.0.1:{port}/moto-api/reset-auth"
        request = urllib.request.Request(check_rights, b"0", {"Content-Type": "text/plain"}, method="POST")
        urllib.request.urlopen(request).close()  # from now on

    def settings(self, who: Who = "owner", port: int | None = None) -> dict[str, str]:
        key, secret = self._keys[who]
        return {
            "url": f"s3://{BUCKET}/store",
            "endpointurl": f"http://127.0.0.1:{port or self.port}",
            "access_key_id": key,
            "secret_access_key": secret,
            "region": "us-east-1",
        }

    def names(self) -> list[str]:
        listed = self._s3.list_objects_v2(Bucket=BUCKET, Prefix=f"store/{PREFIX}/")
        return sorted(one["Key"].removeprefix(f"store/{PREFIX}/") for one in listed.get("Contents", []))

    def read(self, name: str) -> bytes:
        content: bytes = self._s3.get_object(Bucket=BUCKET, Key=f"store/{PREFIX}/{name}")["Body"].read()
        return content

    def write(self, name: str, content: bytes) -> None:
        self._s3.put_object(Bucket=BUCKET, Key=f"store/{PREFIX}/{name}", Body=content)

    def remove(self, name: str) -> None:
        self._s3.delete_object(Bucket=BUCKET, Key=f"store/{PREFIX}/{name}")

    def clear(self) -> None:
        for one in self._s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            self._s3.delete_object(Bucket=BUCKET, Key=one["Key"])


def _make_user(iam: Any, name: str, actions: list[str]) -> tuple[str, str]:
    """The key and the secret of a new user, who may do ``actions`` in every bucket."""
    iam.create_user(UserName=name)
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": ANY}]}
    iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=json.dumps(allowed))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return made["AccessKeyId"], made["SecretAccessKey"]


@contextlib.contextmanager
def s3_store(folder: Path) -> Iterator[S3Store]:
    """A store whose server runs until the block ends; it keeps everything in memory."""
    port, log = free_port(), folder / "log"
    command = [str(ENVIRONMENT / "bin" / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with log.open("w") as said, subprocess.Popen(command, stdout=said, stderr=said) as process:
        try:
            wait_for(port, log)
            yield S3Store(port)
        finally:
            process.terminate()
