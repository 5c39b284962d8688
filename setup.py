"""What setup.cfg cannot say: the wheel has what projects begin with, of which git has one copy."""

from pathlib import Path
from shutil import copy2

from setuptools import setup
from setuptools.command.build_py import build_py

SOURCES = (
    "templates/**/*.py", "deploy.py", "generate.py", "simulate.py",
    ".github/workflows/comment.yml", ".github/workflows/review.yml",
)  # fmt: skip
IN_WHEEL = "workerstack/starter"


class WithProject(build_py):  # type: ignore[misc]
    """The package, and in it what workerstack/starter/pristine.py reads."""

    def run(self) -> None:
        """Copies it; not in an editable installation, which reads the checkout."""
        super().run()
        if not self.editable_mode:
            for source in SOURCES:
                found = sorted(Path().glob(source))
                if not found:
                    raise FileNotFoundError(source)
                for file in found:
                    copied = Path(self.build_lib, IN_WHEEL, file)
                    copied.parent.mkdir(parents=True, exist_ok=True)
                    copy2(file, copied)


setup(cmdclass={"build_py": WithProject})
