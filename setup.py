"""What setup.cfg cannot say: the wheel carries templates/ too, for projects that it begins."""

from pathlib import Path
from shutil import copy2

from setuptools import setup
from setuptools.command.build_py import build_py

SOURCE, IN_WHEEL = "templates", "workerstack/starter/templates"


class WithTemplates(build_py):  # type: ignore[misc]
    """The package, and a copy of templates/ in it: one copy in git, one in the wheel."""

    def run(self) -> None:
        """Copies what git has once; nothing in an editable installation, which reads that."""
        super().run()
        if not self.editable_mode:
            for file in sorted(Path(SOURCE).rglob("*.py")):
                copied = Path(self.build_lib) / IN_WHEEL / file.relative_to(SOURCE)
                copied.parent.mkdir(parents=True, exist_ok=True)
                copy2(file, copied)


setup(cmdclass={"build_py": WithTemplates})
