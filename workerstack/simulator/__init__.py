"""How a template will scale: alarms, policies, queue and tasks, second by second.

Knows nothing of this project: it reads any CloudFormation template that scales an ECS service
by step policies, or by tracking a target, on metrics of an SQS queue. ``read.read_scaling`` makes
a ``Scaling`` of its text, ``read.scaling_of`` of a ``cloudformation.Stack``;
``run.simulate(scaling, trace, settings)`` makes a ``Run``. Errors are ``problem.Problem``.
"""
