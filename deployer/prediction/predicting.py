"""A whole Review from two templates, without AWS: predicted, and saying what it cannot know."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deployer import beside, judging, scaling_effect
from deployer.beside import HIDDEN, Beside
from deployer.bound import Binding, Where
from deployer.judging import Facts
from deployer.prediction.changes import predict
from deployer.prediction.resolving import Resolved, parts, resolve
from deployer.review import ChangeSet, Notice, Review
from deployer.scaling_effect import Deployed
from deployments.template import declared_parameters

PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "eusc-": "aws-eusc"}
SSM = "AWS::SSM::Parameter::"
NOT_ASKED = "what runs, waits or imports in the account: nobody was asked"


@dataclass(frozen=True)
class Side:
    """One of the two templates with its values; empty where there is no stack."""

    template: Mapping[str, Any] = field(default_factory=lambda: {"Resources": {}})
    values: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, str]:
        """Each declared parameter's value; of a secret nothing, of one in SSM its name."""
        found = {}
        for name, declared in declared_parameters(dict(self.template)).items():
            value = self.values.get(name, declared.default)
            if value is not None and not declared.secret:
                stored = declared.type.startswith(SSM)
                found[name] = f"{{{{resolve:ssm:{value}}}}}" if stored else value
        return found

    @property
    def shown(self) -> dict[str, str]:
        """The parameters with the secret ones hidden."""
        return {**self.parameters, **dict.fromkeys(self.secrets, HIDDEN)}

    @property
    def secrets(self) -> set[str]:
        """Its secret parameters."""
        declared = declared_parameters(dict(self.template))
        return {name for name, each in declared.items() if each.secret}


def predict_review(
    before: Side, after: Side, *, name: str, account: str = "", region: str = "", stack: str = ""
) -> Review:
    """What a change set from ``before`` to ``after`` would say; nothing in it can be executed.

    ``account``, ``region`` and ``stack`` are empty where they are not known.
    """
    known = surroundings(account, region, stack)
    old, new = (resolve(each.template, each.parameters, known) for each in (before, after))
    is_new = not before.template["Resources"]
    case = judging.Case(
        is_new=is_new,
        resources=predict(old, new, tags_differ=before.tags != after.tags and not is_new),
        others=tuple(
            beside.compare(
                Beside(before.template, before.shown, before.tags) if not is_new else Beside(),
                Beside(after.template, after.shown, after.tags),
                before.secrets | after.secrets,
            )
        ),
        before=old.resources,
        after=new.resources,
        facts=Facts(account=account),
    )
    access = judging.access(case)
    case = judging.Case(**{**vars(case), "access": access})
    return Review(
        where=Where(
            deployment=name, account=account, region=region, caller="", stack_name=stack,
            stack_id="",
        ),
        change_set=ChangeSet(
            arn="", name="", type="CREATE" if is_new else "UPDATE", created="",
            status="PREDICTED", execution_status="UNAVAILABLE",
        ),
        resources=case.resources,
        others=case.others,
        findings=judging.judge(case),
        access=access,
        notices=tuple(_refused(old, new)),
        parts=parts(old, new),
        unknown=tuple(dict.fromkeys((*old.unknown, *new.unknown, NOT_ASKED))),
        predicted=True,
        scaling=scaling_effect.effect(
            case.resources,
            Deployed(before.template, before.parameters),
            Deployed(after.template, after.parameters),
        ),
        binding=Binding(
            template="", template_digest="", parameters_digest="", not_bound=(),
            stack_status="", stack_last_updated="", changes_digest="",
        ),
    )  # fmt: skip


def surroundings(account: str, region: str, stack: str) -> dict[str, str]:
    """The pseudo parameters that follow from where a stack is; only those that are known."""
    partition = next((p for start, p in PARTITIONS.items() if region.startswith(start)), "aws")
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    found = {
        "AWS::AccountId": account,
        "AWS::Region": region,
        "AWS::StackName": stack,
        "AWS::Partition": partition if region else "",
        "AWS::URLSuffix": suffix if region and partition != "aws-eusc" else "",
    }
    return {name: value for name, value in found.items() if value}


def _refused(old: Resolved, new: Resolved) -> list[Notice]:
    """What CloudFormation refuses before it begins."""
    return [
        Notice(
            source="prediction",
            mode="FAIL",
            logical_id=name,
            text="CloudFormation refuses to change the type of a resource, here from"
            f" {old.resources[name].get('Type')} to {body.get('Type')}",
            next_step="Give the new resource another logical id",
        )
        for name, body in new.resources.items()
        if name in old.resources and old.resources[name].get("Type") != body.get("Type")
    ]
