"""The table of the tool's calls: each is an action that IAM knows, of a role that there is."""

from workerstack.cloudformation import service_authorization
from workerstack.deployer.rights import RIGHTS, ROLES


def test_every_action_of_the_tool_is_known() -> None:
    unknown = [each.action for each in RIGHTS
               if not service_authorization.is_known(each.action)]  # fmt: skip
    assert not unknown
    assert all(set(each.roles) <= set(ROLES) for each in RIGHTS)
