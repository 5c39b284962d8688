"""How a template will scale: alarms, step policies, queue and tasks, second by second.

Knows nothing of this project: it reads any CloudFormation template that scales an ECS service
by step policies on SQS metrics. ``read_scaling`` makes a ``Scaling`` of its text;
``simulate(scaling, trace, settings)`` makes a ``Run``.
"""
