"""A template as data: read, resolved, compared. Knows nothing of AWS's API and of our templates.

Reading::

    template = read(text, file)            # or read_template(path), from_data(GetTemplate's)
    template.parameters["Cpu"].wrong("17") # why a value is not allowed, or None
    template.line(("Resources", "Queue", "Properties", "QueueName"))

Whatever stands in the text, the answer is a ``Template`` or one ``Problem`` with file and line,
within 2 s and 200 MB. Files of params/ and mapping files are read by ``parse`` and ``read_file``
of ``document``, with the same limits: ``parse(text, file, scalars="text")``.

Resolving::

    stack = resolve(template, {"Cpu": "256"}, surroundings("111122223333", "us-west-2", "edit"))
    service = next(stack.of("AWS::ECS::Service"))
    service.get("NetworkConfiguration", "AwsvpcConfiguration", "Subnets")
    stack.line(service.logical_id, "Properties", "TaskDefinition")
    stack.line  # follows Fn::If and AWS::NoValue back to where the value is written

Nothing is a text that only looks like a value. A resolved value is plain data in which there may
stand, wherever a value may stand:

``Reference(logical_id, attribute, means, value)``
    a resource of the same template. ``stack.referred(value, "AWS::SQS::Queue")`` is the resource
    that a value names, written as ``Ref``, as ``GetAtt``, inside a text, or as the name or ARN
    itself. ``Ref`` and the attribute that it gives are equal (``means``). ``value`` is the text
    that follows from names, such as a role's ARN from its name.
``Unknown(expression, reason, kind)``
    what cannot be known: ``kind`` says why (a parameter without value, Parameter Store, an open
    condition, another stack, ...), ``alternatives`` what it may be.
``Text(pieces)``
    a text of which some pieces are references or unknown; ``matches(value, "arn:...")`` asks
    whether it can be a given text.

Asking for a value::

    text(value)         # the whole text, through references; None where a piece is unknown
    is_known(value)     # nothing in it is unknown
    references(value)   # every Reference in it, in texts and unknown values too
    unknowns(value)     # every Unknown in it
    plain(value)        # as JSON, functions in long form; written(value) is for people

Comparing: ``equal`` and ``differences`` compare as CloudFormation and the services do (``1`` and
``"1"``, sets without order, a policy as text); ``could_be_equal`` answers True, False or None.

``stack.resources`` holds what exists (``exists`` is True) and what may exist (None, with ``open``
as the reason); ``stack.absent`` what does not. ``stack.faults`` is what CloudFormation would
refuse; ``resolve(..., strict=True)`` raises the first. ``stack.unknown`` is everything that was
not known. A stack can also be made by hand, ``Stack(template, {"Queue": Resource(...)})``, from
live answers.
"""

from workerstack.cloudformation.compare import (
    Difference,
    canonical,
    could_be_equal,
    differences,
    equal,
    matches,
)
from workerstack.cloudformation.document import Document, Place, parse, read_file, read_text
from workerstack.cloudformation.pseudo_parameters import surroundings
from workerstack.cloudformation.resolve import (
    Assertion,
    Output,
    ParameterRule,
    Resource,
    Stack,
    resolve,
)
from workerstack.cloudformation.template import (
    Parameter,
    Template,
    declared_parameters,
    from_data,
    read,
    read_template,
)
from workerstack.cloudformation.values import (
    Reference,
    Text,
    Unknown,
    is_known,
    plain,
    references,
    text,
    unknowns,
    written,
)

__all__ = [
    "Assertion",
    "Difference",
    "Document",
    "Output",
    "Parameter",
    "ParameterRule",
    "Place",
    "Reference",
    "Resource",
    "Stack",
    "Template",
    "Text",
    "Unknown",
    "canonical",
    "could_be_equal",
    "declared_parameters",
    "differences",
    "equal",
    "from_data",
    "is_known",
    "matches",
    "parse",
    "plain",
    "read",
    "read_file",
    "read_template",
    "read_text",
    "references",
    "resolve",
    "surroundings",
    "text",
    "unknowns",
    "written",
]  # fmt: skip
