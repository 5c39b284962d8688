"""A command whose subcommands are imported when they are used: its help needs none of them."""

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem


class LateGroup(click.Group):
    """A group of the commands ``late``: what is typed, and the first sentence of its help.

    Each is the function of its own name in ``workerstack.commands.NAME``.
    """

    def __init__(self, *, late: Mapping[str, str], **attributes: Any) -> None:
        super().__init__(commands=_Late(late), **attributes)
        self.late = late

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Completes the commands without importing them, and options as click does."""
        if incomplete[:1] == "-":
            return super().shell_complete(ctx, incomplete)
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        return [CompletionItem(name, help=self.late[name]) for name in names]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands without importing them."""
        names = self.list_commands(ctx)
        rows = [(name, self.late[name]) for name in names]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class _Late(MutableMapping[str, click.Command]):
    def __init__(self, late: Mapping[str, str]) -> None:
        self._late = dict.fromkeys(late)
        self._made: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._late:
            raise KeyError(name)
        if name not in self._made:
            self._made[name] = getattr(import_module(f"workerstack.commands.{name}"), name)
        return self._made[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._late[name] = None
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._late[name]
        self._made.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._late)

    def __len__(self) -> int:
        return len(self._late)
