"""An account that has all that another one has, without asking for each thing again; or nothing.

MiniStack keeps its state in its services' modules, by the account. Two account ids have the
same length, so a copy is the same bytes with the other id in them: names and ids stay as they
are, and ARNs are the new account's.
"""

import pickle
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

SERVICES = ("ministack.services.", "workerstack.localaws.")


def copy(source: str, target: str) -> None:
    """Gives ``target`` everything that ``source`` has; both are ids of twelve digits.

    Only while no request is being answered.
    """
    for store in _stores():
        if isinstance(store, set):
            store |= {renamed(each, source, target) for each in store if _is_of(each, source)}
        else:
            store.update(
                renamed(item, source, target)
                for item in list(store.items())
                if _is_of(item[0], source)
            )


def forget(account: str) -> None:
    """Drops everything that an account of twelve digits has; as for ``copy``, between requests."""
    for store in _stores():
        gone = [key for key in list(store) if _is_of(key, account)]
        for key in gone:
            if isinstance(store, set):
                store.discard(key)
            else:
                store.pop(key, None)


def renamed(value: Any, source: str, target: str) -> Any:
    """A copy of a value with the other account's id wherever the one's stands."""
    return pickle.loads(pickle.dumps(value).replace(source.encode(), target.encode()))  # noqa: S301


def _stores() -> Iterator[Any]:
    """Each table of each service that is loaded."""
    from workerstack.localaws import application_autoscaling, birth_names

    modules = [name for name in sys.modules if name.startswith(SERVICES)]
    stores = [table for name in modules for table in _tables(name)]
    stores += map(_plain, (*application_autoscaling.stores(), birth_names.names()))
    # A service's table is often another's, too.
    yield from {id(store): store for store in stores}.values()


@cache
def _tables(module: str) -> list[Any]:
    """The tables of a module; they are filled and emptied, but none is replaced."""
    tables = map(_plain, vars(sys.modules[module]).values())
    return [table for table in tables if isinstance(table, dict | set)]


def _plain(value: Any) -> Any:
    """The plain table behind one that is kept by account."""
    from ministack.core.responses import AccountRegionScopedDict, AccountScopedDict

    scoped = (AccountScopedDict, AccountRegionScopedDict)
    return value._data if isinstance(value, scoped) else value


def _is_of(key: Any, account: str) -> bool:
    if isinstance(key, tuple):
        return any(_is_of(each, account) for each in key)
    return isinstance(key, str) and (key == account or f":{account}:" in key)
