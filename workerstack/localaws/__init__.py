"""An embedded AWS endpoint for `make run` and the tests: MiniStack, made complete for us.

MiniStack 1.5.33 does not know `AWS::EC2::SecurityGroupIngress`, `AWS::ApplicationAutoScaling::*`
and the application-autoscaling API, forgets parts of ECS task definitions and services, and
cannot tell which properties replace most types, nor that a value stays the same when a template
writes it in another way. It has no stack refactoring. A caller that a test admits with policies
(`authorization`) may do what these allow, and everybody else anything. **These are simulated by
this project**, in this package, with tests of their own. It reaches into MiniStack's private
names (the handler and replacement tables of its CloudFormation, the stores of its EC2, ECS and
CloudWatch), so the version is pinned exactly, in setup.cfg and by a test.

Nothing but `make run` and the tests imports it; it needs the extra `local`.
"""

from workerstack.localaws.server import Endpoint, start

__all__ = ["Endpoint", "start"]
