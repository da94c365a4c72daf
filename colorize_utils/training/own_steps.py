"""A training step of one's own, as text: so a run notices when it was edited."""

import ast
import hashlib
import inspect
import textwrap
from types import CodeType

PLAIN = (bool, int, float, str)  # values that a step may name and that change what it does


def source_of(step):
    """The source of a function, and of the functions, numbers and texts of its own file that it names.

    Comments, docstrings and layout are left out: they change nothing. Where there is no source its bytecode stands for
    it.
    """
    waiting, seen, parts = [step], set(), []
    while waiting:
        function = waiting.pop(0)
        if function in seen:
            continue
        seen.add(function)
        parts.append(_text(function))
        for name in sorted(_names(function.__code__)):
            value = function.__globals__.get(name)
            if inspect.isfunction(value) and value.__globals__ is function.__globals__:
                waiting.append(value)
            elif isinstance(value, PLAIN):
                parts.append(f"{name} = {value!r}")
    return "\n".join(parts)


def _text(function):
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError):  # typed into a plain interpreter, say
        return f"{function.__name__} {hashlib.sha256(_bytecode(function.__code__)).hexdigest()[:16]}"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def _names(code):
    """The global names in a function's code and in that of the functions inside it."""
    return set(code.co_names).union(*(_names(inner) for inner in code.co_consts if isinstance(inner, CodeType)))


def _bytecode(code):
    consts = [_bytecode(each) if isinstance(each, CodeType) else repr(each).encode() for each in code.co_consts]
    return b"\0".join([code.co_code, repr(code.co_names).encode(), *consts])
