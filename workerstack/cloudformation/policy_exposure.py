"""Who may use a resource or take on a role by its own policy, and whether strangers may.

A stranger is who belongs to no account, organization, network or pipeline that the policy names.
He chooses what he can choose (his tags, TLS, the Region), and cannot choose who he is.
Source: Amazon S3 User Guide, "The meaning of public"; IAM User Guide, "The confused deputy
problem" and "Create a role for OpenID Connect federation".
"""

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from workerstack.cloudformation.policies import DENY, Policy, Principal, Statement
from workerstack.cloudformation.policy_conditions import (
    Test,
    components,
    is_everything,
)
from workerstack.cloudformation.policy_patterns import (
    Opaque,
    Pattern,
    TooComplexError,
    Wild,
    Written,
    includes,
    is_exact,
    matches,
    pattern,
    text,
)

ARN_KEYS = ("aws:sourcearn", "aws:principalarn", "s3:dataaccesspointarn")
NAME_KEYS = (
    "aws:principalaccount",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:sourceaccount",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpcarn",
    "aws:sourcevpce",
    "aws:userid",
    "kms:calleraccount",
    "s3:dataaccesspointaccount",
)
"""Keys whose values a stranger cannot take on, nor have others take on for him."""
SERVICE_KEY = "aws:principalisawsservice"
OWN = re.compile(r"\$\{aws:Resource(?:Account|OrgID)\}", re.IGNORECASE)
GITHUB = "token.actions.githubusercontent.com"
NARROWEST_PUBLIC = {4: 8, 6: 32}
"""Networks as wide as this or wider are the world (S3 guide, "The meaning of public")."""


class Reach(Enum):
    """How far a grant goes."""

    STRANGERS = "strangers"
    """Anybody: an anonymous caller, any account, anybody whom a provider of identities knows."""
    THROUGH_SERVICE = "strangers through a service"
    """A service of AWS, which anybody may make act here with resources of his own. What trusts
    a service to run tasks needs no more; a queue or topic should name whose resources."""
    NAMED = "those who are named"


@dataclass(frozen=True)
class Grant:
    """One principal of one statement that allows.

    `limits` are the conditions that keep strangers out, `held_back_by` a Deny that does.
    """

    principal: Principal
    statement: Statement
    limits: tuple[Test, ...]
    held_back_by: Statement | None
    reach: Reach

    @property
    def is_open(self) -> bool:
        """Whether strangers may use it, and not only through a service."""
        return self.reach is Reach.STRANGERS

    def is_foreign(self, account: str) -> bool:
        """Whether strangers may use it, or another account that no condition limits.

        Who acts through a service of AWS is not foreign by that alone: it is what tasks, topics
        and alarms do.
        """
        if self.reach is Reach.THROUGH_SERVICE:
            return False
        another = self.principal.account not in (None, account)
        return self.is_open or (another and not self.limits)


def who_may(policy: Policy) -> tuple[Grant, ...]:
    """Each principal that a resource's or role's own policy lets in.

    `NotPrincipal` in an Allow lets in everybody (but those), and is told so.
    """
    return tuple(_grants(policy))


def _grants(policy: Policy) -> Iterator[Grant]:
    for statement in policy.statements:
        if statement.effect == DENY or statement.effect is None or statement.principals is None:
            continue
        everybody = (Principal("*", "*"),)
        for principal in everybody if statement.not_principals else statement.principals:
            limits = tuple(
                each
                for each in statement.conditions
                if isinstance(each, Test) and limits_strangers(each, principal)
            )
            held_back_by = next(
                (each for each in policy.statements if _holds_back(each, statement, principal)),
                None,
            )
            yield Grant(
                principal=principal,
                statement=statement,
                limits=limits,
                held_back_by=held_back_by,
                reach=Reach.NAMED if limits or held_back_by else _reach(principal),
            )


def _reach(principal: Principal) -> Reach:
    """How far a principal goes before conditions."""
    if principal.kind == "Service":
        return Reach.THROUGH_SERVICE
    return Reach.STRANGERS if principal.kind in ("*", "Federated") else Reach.NAMED


def limits_strangers(test: Test, principal: Principal) -> bool:
    """Whether a condition of an Allow keeps every stranger out.

    One that is negated lets strangers in, as does one that need not exist.
    """
    if test.negated or test.if_exists or test.quantifier == "forallvalues" or not test.values:
        return False
    return _is_fixed(test, principal)


def _is_fixed(test: Test, principal: Principal) -> bool:
    """Whether all the values named are others than a stranger's."""
    if test.operator == "null":
        return False
    if test.key == SERVICE_KEY:
        return all(text(Written(each)) == "true" for each in test.values)
    if test.key == "aws:sourceip":
        return _is_narrow([text(Written(each)) for each in test.values])
    wild = test.operator not in ("stringequals", "stringequalsignorecase")
    letters = [pattern(_without_own(each), wild=wild) or () for each in test.values]
    if any("$" in each for each in letters):
        return False  # a policy variable is what the caller brings
    fixed: Callable[[Pattern], bool] = _is_never
    if test.key in ARN_KEYS:
        fixed = _names_owner
    elif test.key in NAME_KEYS:
        fixed = _begins_fixed
    elif principal.kind == "Federated":
        fixed = _of_token(test.key)
    return all(fixed(each) for each in letters)


def _without_own(value: tuple[str | Opaque, ...]) -> Written:
    """With the variables replaced that are the resource's owner, and no choice of the caller."""
    return Written(
        tuple(OWN.sub("the-owner", each) if isinstance(each, str) else each for each in value)
    )


def _is_never(_: Pattern) -> bool:
    return False


def _of_token(key: str) -> Callable[[Pattern], bool]:
    """What a claim of an identity token must look like to name somebody.

    A subject: GitHub's is `repo:OWNER/NAME:...`, and who owns OWNER is fixed. An audience: not
    GitHub's, which is the same for all who use its action.
    """
    provider, _, claim = key.rpartition(":")
    if claim == "sub":
        return lambda letters: _begins_fixed(_after_repo(letters))
    return is_exact if claim == "aud" and provider != GITHUB else _is_never


def _names_owner(letters: Pattern) -> bool:
    """An ARN of one account, or of one bucket, whose name nobody else can have."""
    arn = components(letters)
    if len(arn) == 1:
        return len(letters) > 0 and is_exact(letters)
    account = arn[4] if len(arn) > len(("arn", "partition", "service", "region")) else ()
    if account:
        return is_exact(account)
    return bool(arn[-1]) and _begins_fixed(arn[-1])


def _begins_fixed(letters: Pattern) -> bool:
    """Whether the part before the first slash or colon has no wildcard."""
    first: list[object] = []
    for letter in letters:
        if isinstance(letter, str) and letter in "/:":
            break
        first.append(letter)
    return bool(first) and not any(isinstance(each, Wild) for each in first)


def _after_repo(letters: Pattern) -> Pattern:
    before = tuple("repo:")
    return letters[len(before) :] if letters[: len(before)] == before else letters


def _is_narrow(written: list[str | None]) -> bool:
    networks: dict[int, list[ipaddress.IPv4Network | ipaddress.IPv6Network]] = {4: [], 6: []}
    for each in written:
        if each is None:
            continue  # a network that is not known is somebody's choice, not the world
        try:
            network = ipaddress.ip_network(each, strict=False)
        except ValueError:
            continue  # it matches nothing
        networks[network.version].append(network)
    return all(
        network.prefixlen > NARROWEST_PUBLIC[version]
        for version, found in networks.items()
        for network in ipaddress.collapse_addresses(found)  # type: ignore[type-var]
    )


def _holds_back(deny: Statement, allowed: Statement, principal: Principal) -> bool:
    """Whether a Deny keeps every stranger from all that a statement allows."""
    if deny.effect != DENY or deny.principals is None or not _covers(deny, allowed):
        return False
    if deny.not_principals:
        everybody = any(each.kind == "*" for each in deny.principals)
        # NotPrincipal with Deny is about all but those named: strangers are among all, unless a
        # star is named.
        return not everybody and not deny.conditions
    if not any(each.kind == "*" or each == principal for each in deny.principals):
        return False
    return all(
        isinstance(each, Test) and _meets_strangers(each, principal) for each in deny.conditions
    )


def _meets_strangers(test: Test, principal: Principal) -> bool:
    """Whether a condition of a Deny is true for every stranger, whatever he chooses."""
    if test.operator == "bool" and test.key == SERVICE_KEY:
        return all(text(Written(each)) == "false" for each in test.values)
    if not test.negated or test.quantifier == "foranyvalue":
        return False
    return not any(is_everything(each) for each in test.values) and _is_fixed(test, principal)


def _covers(deny: Statement, allowed: Statement) -> bool:
    """Whether a Deny is about all actions and resources of a statement that allows."""
    try:
        actions = _all_within(
            (allowed.action_patterns, allowed.not_actions), (deny.action_patterns, deny.not_actions)
        )
        return actions and _all_within(
            (allowed.resource_patterns({}), allowed.not_resources),
            (deny.resource_patterns({}), deny.not_resources),
        )
    except TooComplexError:
        return False


def _all_within(
    narrow: tuple[tuple[Pattern, ...], bool], wide: tuple[tuple[Pattern, ...], bool]
) -> bool:
    (narrow_patterns, narrow_turned), (wide_patterns, wide_turned) = narrow, wide
    if narrow_turned and wide_turned:
        return all(includes(narrow_patterns, each) for each in wide_patterns)
    if narrow_turned:
        return any(each == (Wild.ANY,) for each in wide_patterns)
    if wide_turned:
        return all(matches(each, wide_patterns) is False for each in narrow_patterns)
    return all(includes(wide_patterns, each) for each in narrow_patterns)


OWNER_KEYS = ("aws:resourceaccount", "s3:resourceaccount", "aws:resourceorgid")


def limits_owner(statement: Statement) -> bool:
    """Whether a condition of an Allow keeps to resources of accounts that it names."""
    return any(
        isinstance(each, Test)
        and each.key in OWNER_KEYS
        and not (each.negated or each.if_exists or each.quantifier or each.operator == "null")
        and bool(each.values)
        and all(is_exact(pattern(Written(value)) or (Wild.ANY,)) for value in each.values)
        for each in statement.conditions
    )
