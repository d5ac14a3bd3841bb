"""``empaste doctor``: what is installed, configured and there, what is broken, and what to do about it.

`registry` lists all checks.
"""

from empaste.doctor.report import print_report

__all__ = ["print_report"]
