"""What the docstrings below a class's attributes say, for the JSON Schema of a model.

pydantic's `use_attribute_docstrings` reads the source of each model when it is defined: a tenth of a second
for each command, of which hardly any shows a schema.
"""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise
from textwrap import dedent
from typing import cast


def attribute_docs(class_: type) -> dict[str, str]:
    """Attribute -> the docstring below it, in one line; of the class and of those that it inherits from."""
    found: dict[str, str] = {}
    for each in reversed(class_.__mro__):
        try:
            source = dedent(inspect.getsource(each))
        except (OSError, TypeError):  # made by a call, or built in
            continue
        for attribute, below in pairwise(cast(ast.ClassDef, ast.parse(source).body[0]).body):
            match attribute, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[name] = " ".join(text.split())
    return found
