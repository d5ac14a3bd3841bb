"""Parameters are read in no time: the settings of these packages do not load torch."""

import subprocess
import sys


def test_settings_load_without_torch() -> None:
    packages = ("features", "classification", "evidence", "foregrounds")
    imports = ", ".join(f"empaste.{package}.settings" for package in packages)
    code = f"import sys, {imports}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
