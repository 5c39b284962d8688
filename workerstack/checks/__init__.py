"""What must hold in a worker's template: this project's cfn-lint rules.

E91xx are the acceptance criteria, E92xx concern step scaling, E93xx are facts about
Fargate, ECS and EFS that cfn-lint does not know. docs/rules.md lists them.
"""
