"""What policies allow, by AWS's documentation, by brute force, and by another evaluator."""

import json
import re
from itertools import product
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ministack.core import iam_evaluator

from tests.cloudformation.policy_cases import (
    ACCOUNT,
    BUCKET,
    COVERS,
    DANGEROUS,
    DECISIONS,
    OPEN,
    QUEUE,
    ROLE,
    allow,
    deny,
    document,
    statement,
    when,
)
from tests.soak import examples
from workerstack.cloudformation import dangerous_grants, managed_policies
from workerstack.cloudformation.policies import (
    AccessRequest,
    Answer,
    Policy,
    Principal,
    decide,
    names,
    read,
)
from workerstack.cloudformation.policy_exposure import Reach, who_may
from workerstack.cloudformation.policy_inclusion import covers
from workerstack.cloudformation.policy_patterns import (
    Opaque,
    Pattern,
    Written,
    includes,
    matches,
    overlaps,
    pattern,
    written,
)
from workerstack.cloudformation.truth import Maybe


@pytest.mark.parametrize(
    ("documents", "action", "resource", "context", "expected"),
    [case[1:] for case in DECISIONS],
    ids=[case[0] for case in DECISIONS],
)
def test_decides_as_documented(
    documents: list[Any], action: str, resource: Any, context: dict[str, Any], expected: str
) -> None:
    decision = decide([read(each) for each in documents], AccessRequest(action, resource, context))
    assert decision.answer.value == expected, decision.reason


@pytest.mark.parametrize(
    ("document", "is_open"), [case[1:] for case in OPEN], ids=[case[0] for case in OPEN]
)
def test_sees_what_is_open_to_strangers(document: Any, is_open: bool) -> None:
    assert any(each.is_open for each in who_may(read(document))) == is_open


@pytest.mark.parametrize(
    ("wider", "narrower", "expected"), [case[1:] for case in COVERS], ids=[c[0] for c in COVERS]
)
def test_compares_what_is_allowed(wider: Any, narrower: Any, expected: str) -> None:
    found = covers([read(wider)], [read(narrower)])
    assert found.covered is (expected == "yes"), found


@pytest.mark.parametrize(
    ("document", "expected"), [case[1:] for case in DANGEROUS], ids=[c[0] for c in DANGEROUS]
)
def test_finds_dangerous_grants(document: Any, expected: set[str]) -> None:
    assert {each.danger.id for each in dangerous_grants.found([read(document)])} == expected


def test_a_boundary_takes_dangers_away() -> None:
    policies = [read(document(allow("*")))]
    narrow = [read(document(allow(["sqs:*Message*", "s3:GetObject"], [QUEUE, BUCKET + "/*"])))]
    assert dangerous_grants.found(policies)
    assert {each.danger.id for each in dangerous_grants.found(policies, narrow)} == {"any-bucket"}


# Patterns

LETTERS = "ab:"
PATTERNS = st.text(alphabet=LETTERS + "*?", max_size=5)
TEXTS = ["".join(each) for size in range(5) for each in product(LETTERS + "z", repeat=size)]


def parsed(each: str) -> Pattern:
    found = pattern(each)
    assert found is not None
    return found


def by_expression(written: str) -> re.Pattern[str]:
    escaped = re.escape(written).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(escaped, re.DOTALL)


@given(PATTERNS)
def test_matches_as_regular_expressions_do(written: str) -> None:
    expression = by_expression(written)
    for each in TEXTS:
        found = matches(parsed(each), [parsed(written)])
        assert found is bool(expression.fullmatch(each)), each


@given(st.lists(PATTERNS, max_size=3), PATTERNS)
def test_inclusion_agrees_with_all_short_texts(wider: list[str], narrower: str) -> None:
    wide = [by_expression(each) for each in wider]
    found = [each for each in TEXTS if by_expression(narrower).fullmatch(each)]
    missed = [each for each in found if not any(one.fullmatch(each) for one in wide)]
    claimed = includes([parsed(each) for each in wider], parsed(narrower))
    if claimed:
        assert not missed
    elif len(narrower.replace("*", "")) + sum(map(len, wider)) <= 4:
        # A counterexample is not longer than the patterns: all texts of that length were tried.
        assert missed


@given(PATTERNS, PATTERNS)
def test_overlap_agrees_with_all_short_texts(one: str, other: str) -> None:
    both = [
        each
        for each in TEXTS
        if by_expression(one).fullmatch(each) and by_expression(other).fullmatch(each)
    ]
    found = overlaps(parsed(one), parsed(other))
    if both:
        assert found
    elif len(one) + len(other) <= 4:
        assert not found


PIECES = st.lists(
    st.one_of(PATTERNS, st.sampled_from("xy").map(Opaque)), min_size=1, max_size=3
).map(tuple)


@given(PIECES, PIECES, st.tuples(*[st.text(alphabet="ab:", max_size=3)] * 2))
def test_what_is_said_of_unknown_text_holds_for_each_text(
    asked: tuple[Any, ...], named: tuple[Any, ...], values: tuple[str, str]
) -> None:
    """A certain answer stays when what was not known becomes known."""
    known = dict(zip("xy", values, strict=True))
    before = matches(parsed_pieces(asked), [parsed_pieces(named)])
    after = matches(parsed_pieces(filled(asked, known)), [parsed_pieces(filled(named, known))])
    if not isinstance(before, Maybe) and not isinstance(after, Maybe):
        assert before == after
    if before is True:
        assert after is True
    if before is False:
        assert after is False


@st.composite
def partly_known(draw: st.DrawFn) -> list[tuple[str, tuple[Any, ...]]]:
    """Effects and resources of the statements of a policy."""
    effects = st.sampled_from(["Allow", "Allow", "Deny"])
    return draw(st.lists(st.tuples(effects, PIECES), min_size=1, max_size=2))


def on(statements: list[tuple[str, tuple[Any, ...]]]) -> list[Policy]:
    return [read(document(*(statement(each, "s:a", Written(of)) for each, of in statements)))]


@given(partly_known(), partly_known(), st.tuples(*[st.text(alphabet="ab:", max_size=3)] * 2))
def test_a_certain_comparison_stays_when_all_is_known(
    wider: list[Any], narrower: list[Any], values: tuple[str, str]
) -> None:
    known = dict(zip("xy", values, strict=True))
    before = covers(on(wider), on(narrower)).covered
    one, other = (
        on([(effect, filled(of, known)) for effect, of in each]) for each in (wider, narrower)
    )
    after = covers(one, other).covered
    assert isinstance(before, Maybe) or before == after


def filled(written: tuple[Any, ...], known: dict[str, str]) -> tuple[Any, ...]:
    return tuple(known[each.expression] if isinstance(each, Opaque) else each for each in written)


def parsed_pieces(written: tuple[Any, ...]) -> Pattern:
    found = pattern(Written(written))
    assert found is not None
    return found


class Reference(NamedTuple):
    logical_id: str
    means: str
    value: Any = None


class Hidden(NamedTuple):
    expression: Any
    reason: str
    basis: Any = None


def test_reads_values_of_a_resolver() -> None:
    arn = Written(("arn:aws:sqs:us-west-2:", ACCOUNT, ":jobs"))
    policy = [read(document(allow("sqs:*", Reference("Queue", "Arn", arn))))]
    assert decide(policy, AccessRequest("sqs:SendMessage", QUEUE)).answer is Answer.ALLOWED
    unknown = Reference("Queue", "Arn")
    policy = [read(document(allow("sqs:*", [unknown])))]
    assert decide(policy, AccessRequest("sqs:SendMessage", unknown)).answer is Answer.ALLOWED
    assert decide(policy, AccessRequest("sqs:SendMessage", QUEUE)).answer is Answer.UNKNOWN


def test_values_of_one_hidden_parameter_differ_and_are_not_shown() -> None:
    one, other = (Hidden({"Ref": "Name"}, "it is hidden", {"is": each}) for each in "ab")
    policy = [read(document(allow("sqs:*", one)))]
    found = decide(policy, AccessRequest("sqs:SendMessage", other))
    assert found.answer is Answer.UNKNOWN
    assert "is hidden" in found.reason
    assert '"is"' not in found.reason


UPLOADS = Opaque("Uploads.Arn")


@pytest.mark.parametrize(
    ("wider", "narrower", "expected"),
    [
        ((UPLOADS, "/in/*"), (UPLOADS, "/*"), False),
        ((UPLOADS, "/*"), (UPLOADS, "/in/*"), True),
        ((UPLOADS, "/a"), (UPLOADS, "/b"), False),
        (("*",), (UPLOADS,), True),
        ((QUEUE,), (UPLOADS,), None),
        ((UPLOADS,), (QUEUE,), None),
        ((BUCKET,), (QUEUE,), False),
    ],
)
def test_compares_what_is_not_known(
    wider: tuple[Any, ...], narrower: tuple[Any, ...], expected: bool | None
) -> None:
    both = [[read(document(allow("s3:*", Written(each))))] for each in (wider, narrower)]
    found = covers(*both).covered
    assert isinstance(found, Maybe) if expected is None else found is expected


def test_a_condition_dropped_of_an_unknown_resource_is_certain() -> None:
    resource = Written((UPLOADS, "/*"))
    limited = allow("s3:*", resource, Condition=when("StringEquals", "aws:SourceVpce", "v"))
    after = [read(document(allow("s3:*", resource)))]
    assert covers([read(document(limited))], after).covered is False
    denied = [read(document(allow("s3:*", resource), deny("s3:*", {"Ref": "x"})))]
    assert covers(denied, after).covered is not True


def test_patterns_that_are_too_much_are_not_guessed() -> None:
    wider = ["*" + "a?" * size + "*b*" + "?" * size for size in range(1, 14)]
    narrower = ["*a*b*c*d*e*f*"]
    found = covers([read(document(allow(wider)))], [read(document(allow(narrower)))])
    assert found.covered is not True


# Policies

ACTIONS = ["s:a", "s:b", "t:a"]
RESOURCES = ["r", "s", "rs"]
KEYS = ["k", "l"]
NAMED_ACTIONS = st.lists(
    st.sampled_from([*ACTIONS, "s:*", "*", "*:a", "?:A"]), min_size=1, max_size=2
)
NAMED_RESOURCES = st.lists(st.sampled_from([*RESOURCES, "*", "r*", "?"]), min_size=1, max_size=2)
TESTS = st.builds(
    lambda operator, key, values: {operator: {key: values}},
    st.sampled_from(
        ["StringEquals", "StringNotEquals", "StringLike", "StringEqualsIfExists", "Null", "Bool"]
    ),
    st.sampled_from(KEYS),
    st.lists(st.sampled_from(["true", "false"]), min_size=1, max_size=1),
)
CONTEXTS = [
    dict(zip(KEYS, each, strict=True)) for each in product(["true", "false", None], repeat=2)
]


@st.composite
def statements(draw: st.DrawFn, effects: tuple[str, ...] = ("Allow", "Deny")) -> dict[str, Any]:
    written: dict[str, Any] = {
        "Effect": draw(st.sampled_from(effects)),
        draw(st.sampled_from(["Action", "Action", "NotAction"])): draw(NAMED_ACTIONS),
        draw(st.sampled_from(["Resource", "Resource", "NotResource"])): draw(NAMED_RESOURCES),
    }
    if draw(st.booleans()):
        written["Condition"] = draw(TESTS)
    return written


POLICIES = st.lists(statements(), max_size=3).map(lambda each: document(*each))


def allowed(document: Any) -> set[tuple[str, str, int]]:
    policy = read(document)
    return {
        (action, resource, number)
        for action, resource, (number, context) in product(ACTIONS, RESOURCES, enumerate(CONTEXTS))
        if decide([policy], AccessRequest(action, resource, context)).answer is Answer.ALLOWED
    }


@given(POLICIES, POLICIES)
@settings(max_examples=examples(25))
def test_covers_agrees_with_brute_force(wider: Any, narrower: Any) -> None:
    """What is covered holds for each request; a policy covers itself and less than itself."""
    if covers([read(wider)], [read(narrower)]).covered is True:
        assert allowed(narrower) <= allowed(wider)
    assert covers([read(wider)], [read(wider)]).covered is True
    either = document(*wider["Statement"], *narrower["Statement"])
    if all(each["Effect"] == "Allow" for each in either["Statement"]):
        assert covers([read(either)], [read(narrower)]).covered is True


@given(
    st.lists(statements(), min_size=1, max_size=3), st.lists(statements(), min_size=1, max_size=3)
)
@settings(max_examples=examples(25))
def test_gaps_without_conditions_are_real(one: list[Any], other: list[Any]) -> None:
    for each in (*one, *other):
        each.pop("Condition", None)
    wider, narrower = read(document(*one)), read(document(*other))
    found = covers([wider], [narrower])
    request = AccessRequest(found.action, found.resource)
    if found.covered is False:
        assert decide([narrower], request).answer is Answer.ALLOWED
        assert decide([wider], request).answer is not Answer.ALLOWED


@settings(max_examples=examples(25))
@given(POLICIES, statements(effects=("Deny",)))
def test_a_deny_only_takes_away(written: Any, more: Any) -> None:
    assert allowed(document(*written["Statement"], more)) <= allowed(written)
    assert covers([read(written)], [read(document(*written["Statement"], more))]).covered is True


@given(POLICIES, POLICIES, st.sampled_from(ACTIONS), st.sampled_from(RESOURCES))
def test_agrees_with_another_evaluator(one: Any, limit: Any, action: str, resource: str) -> None:
    for context in CONTEXTS:
        assert_same(one, AccessRequest(action, resource, context), limit)


def assert_same(one: Any, request: AccessRequest, limit: Any) -> None:
    """MiniStack's evaluator, which was written apart from ours, answers the same."""
    asked = iam_evaluator.EvalContext(
        "arn:aws:iam::1:role/r",
        "AssumedRole",
        "1",
        request.action,
        request.resource,
        "us-west-2",
        service_context={key: value for key, value in request.keys.items() if value is not None},
    )
    theirs = iam_evaluator.evaluate(
        asked,
        [iam_evaluator.parse_policy_document(one)],
        [iam_evaluator.parse_policy_document(limit)],
    )
    ours = decide([read(one)], request, boundary=[read(limit)])
    expected = {"Allow": "allowed", "Deny": "denied", "ImplicitDeny": "not allowed"}
    assert ours.answer.value == expected[theirs.decision]


VALUES = {
    "String": ["a", "A", "ab", "a*", "?"],
    "Numeric": ["1", "2", "10", "1.0"],
    "Date": ["2026-01-01T00:00:00Z", "2027-01-01T00:00:00+00:00", "1767225600"],
    "Arn": ["arn:aws:s3:::a", "arn:aws:s3:::a*", "arn:aws:s?:::*", "arn:aws:sqs:r:1:q"],
}
OPERATORS = {
    "String": ["Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike"],
    "Numeric": ["Equals", "NotEquals", "LessThan", "GreaterThanEquals"],
    "Date": ["Equals", "NotEquals", "LessThanEquals", "GreaterThan"],
    "Arn": ["Equals", "NotEquals", "Like", "NotLike"],
}
QUANTIFIERS = ["", "", "ForAllValues:", "ForAnyValue:"]


@st.composite
def conditions(draw: st.DrawFn) -> tuple[dict[str, Any], Any]:
    """A condition, and what the request has for its key."""
    kind = draw(st.sampled_from(sorted(VALUES)))
    quantifier = draw(st.sampled_from(QUANTIFIERS))
    operator = kind + draw(st.sampled_from(OPERATORS[kind]))
    if_exists = draw(st.sampled_from(["", "IfExists"]))
    one = st.sampled_from(VALUES[kind])
    several = st.lists(one, min_size=1, max_size=2)
    asked: st.SearchStrategy[Any] = several if quantifier else one
    return when(quantifier + operator + if_exists, "k", draw(several)), draw(st.none() | asked)


@given(conditions())
def test_conditions_agree_with_another_evaluator(drawn: tuple[dict[str, Any], Any]) -> None:
    condition, value = drawn
    conditional = document(allow("s:a", "r", Condition=condition))
    assert_same(conditional, AccessRequest("s:a", "r", {"k": value}), document(allow("*")))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "Statement",
                    "Effect",
                    "Action",
                    "NotAction",
                    "Resource",
                    "Principal",
                    "Condition",
                    "Version",
                    "StringLike",
                    "Ref",
                    "Fn::If",
                    "AWS",
                    "NumericEquals",
                    "IpAddress",
                ]
            )
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
@settings(max_examples=examples(40))
def test_any_document_is_read_and_judged(written: Any) -> None:
    for each in (written, json.dumps(written), {"Statement": written}):
        policy = read(each)
        decide([policy], AccessRequest("s3:GetObject", BUCKET, {"aws:SourceIp": "192.0.2.1"}))
        who_may(policy)
        assert covers([policy], [policy]).covered is not False
        dangerous_grants.found([policy])


@pytest.mark.parametrize("written", ["", "{", "%zz", "[", "null", "1", '"x"', "{}", "\x00"])
def test_text_that_is_no_policy_is_a_problem(written: str) -> None:
    assert read(written).problems
    assert not read(written).statements


@pytest.mark.parametrize(
    ("arn", "action", "resource", "expected"),
    [
        ("AdministratorAccess", "iam:CreateUser", "*", "allowed"),
        ("PowerUserAccess", "iam:CreateUser", "*", "not allowed"),
        ("PowerUserAccess", "sqs:DeleteQueue", QUEUE, "allowed"),
        ("service-role/AmazonECSTaskExecutionRolePolicy", "ecr:BatchGetImage", "*", "allowed"),
        ("service-role/AmazonECSTaskExecutionRolePolicy", "kms:Decrypt", "*", "not allowed"),
        ("AmazonECSTaskExecutionRolePolicy", "ecr:BatchGetImage", "*", "not allowed"),
        ("ReadOnlyAccess", "sqs:ReceiveMessage", QUEUE, "unknown"),
    ],
)
def test_knows_policies_of_aws(arn: str, action: str, resource: str, expected: str) -> None:
    for each in (
        f"arn:aws:iam::aws:policy/{arn}",
        Written(("arn:", Opaque("AWS::Partition"), f":iam::aws:policy/{arn}")),
    ):
        policy = managed_policies.named(each)
        assert decide([policy], AccessRequest(action, resource)).answer.value == expected


def test_every_policy_of_aws_is_read_whole_and_covers_itself() -> None:
    for arn in managed_policies.known():
        policy = managed_policies.named(arn)
        assert policy.statements, arn
        assert not policy.problems, arn
        assert covers([policy], [policy]).covered is True, arn


def test_a_policy_of_aws_under_another_path_is_said() -> None:
    problems = managed_policies.named(
        "arn:aws:iam::aws:policy/AmazonECSTaskExecutionRolePolicy"
    ).problems
    assert "service-role/AmazonECSTaskExecutionRolePolicy" in problems[0]


def test_a_customers_policy_and_another_partition_are_not_known() -> None:
    for arn in (
        f"arn:aws:iam::{ACCOUNT}:policy/ours",
        "arn:aws-cn:iam::aws:policy/AdministratorAccess",
        {"Ref": "OurPolicy"},
    ):
        assert managed_policies.named(arn).unknown, arn


# Principals

ECS = document(
    {
        "Effect": "Allow",
        "Principal": {"Service": ["ecs-tasks.amazonaws.com"]},
        "Action": "sts:AssumeRole",
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:aws:ecs:us-west-2:{ACCOUNT}:*"},
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
        },
    }
)


@pytest.mark.parametrize(
    ("principal", "account", "expected"),
    [
        (Principal("Service", "ecs-tasks.amazonaws.com"), ACCOUNT, "allowed"),
        (Principal("Service", "ecs-tasks.amazonaws.com"), "999999999999", "not allowed"),
        (Principal("Service", "ecs.amazonaws.com"), ACCOUNT, "not allowed"),
        (Principal("AWS", f"arn:aws:iam::{ACCOUNT}:role/x"), ACCOUNT, "not allowed"),
    ],
)
def test_trust_of_the_tasks(principal: Principal, account: str, expected: str) -> None:
    context = {
        "aws:SourceArn": f"arn:aws:ecs:us-west-2:{account}:task/edit/1",
        "aws:SourceAccount": account,
    }
    request = AccessRequest("sts:AssumeRole", None, context, principal)
    assert decide([read(ECS)], request).answer.value == expected


@pytest.mark.parametrize(
    ("named", "asking", "expected"),
    [
        (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/a", True),
        (f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:sts::{ACCOUNT}:assumed-role/w/1", True),
        (f"arn:aws:iam::{ACCOUNT}:root", "arn:aws:iam::999999999999:user/a", False),
        (ROLE + "path/w", f"arn:aws:sts::{ACCOUNT}:assumed-role/w/1", True),
        (ROLE + "w", f"arn:aws:sts::{ACCOUNT}:assumed-role/ww/1", False),
        (ROLE + "*", ROLE + "w", False),
        ({"Fn::GetAtt": ["Role", "Arn"]}, {"Fn::GetAtt": ["Role", "Arn"]}, True),
    ],
)
def test_principals(named: Any, asking: Any, expected: bool) -> None:
    assert names(Principal("AWS", written(named)), Principal("AWS", written(asking))) is expected


def test_an_unknown_principal_is_neither() -> None:
    found = names(Principal("AWS", written({"Ref": "Reader"})), Principal("AWS", ROLE + "w"))
    assert isinstance(found, Maybe)


GITHUB = {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"}
AUDIENCE = {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}


@pytest.mark.parametrize(
    ("principal", "condition", "expected"),
    [
        (GITHUB, {"StringEquals": AUDIENCE}, Reach.STRANGERS),
        (
            GITHUB,
            when("StringLike", "token.actions.githubusercontent.com:sub", "repo:*"),
            Reach.STRANGERS,
        ),
        (
            GITHUB,
            when("StringLike", "token.actions.githubusercontent.com:sub", "repo:me*"),
            Reach.STRANGERS,
        ),
        (
            GITHUB,
            when("StringLike", "token.actions.githubusercontent.com:sub", "repo:me/x:*"),
            Reach.NAMED,
        ),
        ({"Service": "sns.amazonaws.com"}, None, Reach.THROUGH_SERVICE),
        ({"Service": "s3.amazonaws.com"}, when("ArnLike", "aws:SourceArn", BUCKET), Reach.NAMED),
        (
            {"Service": "s3.amazonaws.com"},
            when("ArnLike", "aws:SourceArn", "arn:aws:s3:::edit.*"),
            Reach.THROUGH_SERVICE,
        ),
        (
            {"Service": "s3.amazonaws.com"},
            when("StringEquals", "aws:SourceAccount", {"Ref": "AWS::AccountId"}),
            Reach.NAMED,
        ),
        ("*", when("StringLike", "aws:PrincipalOrgID", "*"), Reach.STRANGERS),
        ("*", when("StringEquals", "aws:PrincipalOrgID", "${aws:ResourceOrgID}"), Reach.NAMED),
        (
            "*",
            when("StringEquals", "aws:SourceAccount", "${aws:PrincipalAccount}"),
            Reach.STRANGERS,
        ),
        ("*", when("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/worker"), Reach.STRANGERS),
        ("*", when("ArnLike", "aws:PrincipalArn", ROLE + "*"), Reach.NAMED),
        ("*", when("IpAddress", "aws:SourceIp", "192.0.2.0/24"), Reach.NAMED),
        ("*", when("IpAddress", "aws:SourceIp", ["192.0.2.0/24", "::/0"]), Reach.STRANGERS),
        ("*", when("ForAllValues:StringEquals", "aws:PrincipalOrgID", "o-1"), Reach.STRANGERS),
        ("*", when("StringEquals", "aws:PrincipalTag/team", "ours"), Reach.STRANGERS),
        ("*", when("Null", "aws:SourceVpce", "false"), Reach.STRANGERS),
    ],
)
def test_how_far_a_grant_goes(principal: Any, condition: Any, expected: Reach) -> None:
    written = allow("sqs:SendMessage", QUEUE, Principal=principal, Condition=condition)
    (grant,) = who_may(read(document({k: v for k, v in written.items() if v})))
    assert grant.reach is expected


def test_another_account_is_foreign() -> None:
    (grant,) = who_may(read(document(allow("sqs:*", QUEUE, Principal={"AWS": ACCOUNT}))))
    assert not grant.is_foreign(ACCOUNT)
    assert grant.is_foreign("999999999999")
    assert not grant.is_open


@pytest.mark.parametrize(
    ("principal", "condition", "expected"),
    [
        ("*", None, True),
        ({"AWS": ACCOUNT}, when("StringEquals", "aws:PrincipalOrgID", "o-1"), False),
        ({"Service": "sns.amazonaws.com"}, None, False),
        ({"Service": "ecs-tasks.amazonaws.com"}, None, False),
    ],
)
def test_what_a_condition_limits_or_a_service_does_is_not_foreign(
    principal: Any, condition: Any, expected: bool
) -> None:
    written = allow("sqs:SendMessage", QUEUE, Principal=principal, Condition=condition)
    (grant,) = who_may(read(document({k: v for k, v in written.items() if v})))
    assert grant.is_foreign("999999999999") is expected
