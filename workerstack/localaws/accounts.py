"""An account that has all that another one has, without asking for each thing again.

MiniStack keeps its state in its services' modules, by the account. Two account ids have the
same length, so a copy is the same bytes with the other id in them: names and ids stay as they
are, and ARNs are the new account's.
"""

import pickle
import sys
from collections.abc import Iterator
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


def renamed(value: Any, source: str, target: str) -> Any:
    """A copy of a value with the other account's id wherever the one's stands."""
    return pickle.loads(pickle.dumps(value).replace(source.encode(), target.encode()))  # noqa: S301


def _stores() -> Iterator[Any]:
    """Each table of each service, those that are kept by account as the plain ones behind them."""
    from ministack.core.responses import AccountRegionScopedDict, AccountScopedDict

    from workerstack.localaws import application_autoscaling, birth_names

    modules = [module for name, module in sys.modules.items() if name.startswith(SERVICES)]
    found = [value for module in modules for value in vars(module).values()]
    found += [*application_autoscaling.stores(), birth_names.names()]
    stores = [
        value._data if isinstance(value, AccountScopedDict | AccountRegionScopedDict) else value
        for value in found
    ]
    yield from {id(store): store for store in stores if isinstance(store, dict | set)}.values()


def _is_of(key: Any, account: str) -> bool:
    if isinstance(key, tuple):
        return any(_is_of(each, account) for each in key)
    return isinstance(key, str) and (key == account or f":{account}:" in key)
