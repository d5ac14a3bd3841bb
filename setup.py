"""The wheel carries the pipeline's files, which lie at the top of the repository, for ``empaste init``.

All else that setuptools needs to know stands in pyproject.toml.
"""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

PATTERNS = ("dvc.yaml", "params.yaml", ".dvcignore", "presets/*.yaml", "stages/*.py")
"""What a project of `empaste init` is made of; in the wheel it lies in empaste/pipeline/."""
TOP = Path(__file__).parent


def pipeline_files() -> list[str]:
    """The files of `PATTERNS`, relative to the top of the repository."""
    return [path.relative_to(TOP).as_posix() for pattern in PATTERNS for path in sorted(TOP.glob(pattern))]


class BuildWithPipeline(build_py):
    """Copies the pipeline's files beside the code; an editable install finds them where they are."""

    def run(self) -> None:
        """Build as setuptools does, then copy."""
        super().run()
        if self.editable_mode:
            return
        for name in pipeline_files():
            copy = Path(self.build_lib) / "empaste" / "pipeline" / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            self.copy_file(name, str(copy))

    def get_source_files(self) -> list[str]:
        """With the files of the pipeline, so that the source distribution has them."""
        return [*super().get_source_files(), *pipeline_files()]


setup(cmdclass={"build_py": BuildWithPipeline})
