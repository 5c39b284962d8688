"""A command whose help ends with an example, which the tests execute as it stands."""

from typing import Any

import click


class WithExample(click.Command):
    """``example`` is what is typed after the command's name."""

    def __init__(self, *arguments: Any, example: str, **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.example = example

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the example as it is typed for the program that runs."""
        with formatter.section("Example"):
            formatter.write_text(f"{ctx.command_path} {self.example}")
