"""The example request of an operation in curl, Python and JavaScript.

What a reader replaces (host, ids, values) stands between `MARK` and `END`; `plain` gives the text to run.
"""

import json
import keyword
import re
from typing import Any

from generating.client import Models, snake
from generating.client import Operation as Method
from generating.recording import Example
from generating.site.document import HOST, Operation
from generating.site.fields import shown

MARK, END = "\x01", "\x02"
WIDTH = 88  # a call that is longer is broken, one argument a line
_NO_METHOD = ("get_openapi_yaml", "get_docs")  # what the client has no method for


def plain(text: str) -> str:
    """The text without its marks."""
    return text.replace(MARK, "").replace(END, "")


def _marked(text: str) -> str:
    return f"{MARK}{text}{END}"


def _pairs(example: Example) -> list[tuple[str, str]]:
    many = [(name, value if isinstance(value, list) else [value]) for name, value in example.query.items()]
    return [(name, shown(one)) for name, values in many for one in values]


def _quoted(text: str) -> str:
    """For a shell, marked within its quotes."""
    return "'" + _marked(text.replace("'", "'\\''")) + "'"


def curl(operation: Operation, example: Example) -> str:
    """For a shell; the token comes from `WAYPOST_TOKEN`."""
    pairs = _pairs(example)
    first = "curl -i" if example.method == "GET" else f"curl -i -X {example.method}"
    if example.body is not None and pairs:
        parts = [first, _quoted(HOST + example.target)]
    else:
        parts = [f"{first} -G" if pairs else first, _marked(HOST + example.path)]
        parts += [f"--data-urlencode {_quoted(f'{name}={value}')}" for name, value in pairs]
    if not operation.is_open:
        parts.append('-H "X-API-TOKEN: $WAYPOST_TOKEN"')
    if operation.takes("Idempotency-Key"):
        parts.append('-H "Idempotency-Key: $(date +%s)-$RANDOM"')
    if example.body is not None:
        parts.append("-H 'Content-Type: application/json'")
        parts.append(f"-d {_quoted(json.dumps(example.body, ensure_ascii=False, indent=2))}")
    return " \\\n  ".join(parts)


def _literal(value: Any, indent: str) -> str:
    """A Python literal in double quotes, broken where it is long."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or not value:
        return repr(value)
    inner = indent + "    "
    if isinstance(value, dict):
        items, ends = [f"{json.dumps(key)}: {_literal(one, inner)}" for key, one in value.items()], "{}"
    else:
        items, ends = [_literal(one, inner) for one in value], "[]"
    line = ends[0] + ", ".join(items) + ends[1]
    if len(line) + len(indent) <= WIDTH - 10 and "\n" not in line:
        return line
    return f"{ends[0]}\n" + "".join(f"{inner}{one},\n" for one in items) + indent + ends[1]


def _arguments(operation: Operation, example: Example) -> list[str]:
    filled = re.fullmatch(re.sub(r"{\w+}", "([^/]+)", operation.path), example.path)
    if filled is None:
        raise ValueError(f"the example of {operation.id} is not for {operation.path}: {example.path}")
    found = [_marked(one) for one in filled.groups()]
    if example.body is not None:
        found.append(_marked(_literal(example.body, "    ")))
    kinds = {field.name: field.type for field in operation.fields("query", {})}
    for name, value in example.query.items():
        taken = [value] if kinds.get(name) == "array" and not isinstance(value, list) else value
        word = snake(name) + ("_" if keyword.iskeyword(snake(name)) else "")
        found.append(f"{word}={_marked(_literal(taken, '    '))}")
    return found


def python(operation: Operation, example: Example) -> str:
    """With our client."""
    if operation.id in _NO_METHOD:
        url = _marked(HOST + example.target)
        return f'from urllib.request import urlopen\n\nwith urlopen("{url}") as reply:\n    print(reply.read().decode())'
    document = operation.document.raw
    method = Method(document, Models(document), operation.method, operation.path, dict(operation.raw))
    arguments = _arguments(operation, example)
    call = f"hub.{operation.id}({', '.join(arguments)})"
    if len(plain(call)) > WIDTH - 12 and "\n" not in call:
        call = f"hub.{operation.id}(\n        " + ",\n        ".join(arguments) + ",\n    )"
    if method.reply != "None":
        call = f"print({call})" if "\n" not in call else f"reply = {call}\n    print(reply)"
    head = f'with Client("{_marked(HOST)}", os.environ["WAYPOST_TOKEN"]) as hub:\n'
    if operation.action is None:
        return f"import os\n\nfrom waypost_client import Client\n\n{head}    {call}"
    inner = call.replace("\n", "\n    ")
    refused = "    except NotAllowed as refused:\n        print(refused.current_status, refused.allowed_actions)"
    return f"import os\n\nfrom waypost_client import Client, NotAllowed\n\n{head}    try:\n        {inner}\n{refused}"


def javascript(operation: Operation, example: Example) -> str:
    """With `fetch`."""
    pairs = _pairs(example)
    url = f'"{_marked(HOST + example.path)}"'
    lines = []
    if pairs:
        lines.append(f"const url = new URL({url});")
        lines += [f'url.searchParams.append("{name}", {_marked(json.dumps(value, ensure_ascii=False))});' for name, value in pairs]
        url = "url"
    headers = []
    if not operation.is_open:
        headers.append('    "X-API-TOKEN": process.env.WAYPOST_TOKEN,')
    if operation.takes("Idempotency-Key"):
        headers.append('    "Idempotency-Key": crypto.randomUUID(),')
    if example.body is not None:
        headers.append('    "Content-Type": "application/json",')
    options = [] if example.method == "GET" else [f'  method: "{example.method}",']
    options += ["  headers: {", *headers, "  },"] if headers else []
    if example.body is not None:
        text = json.dumps(example.body, ensure_ascii=False, indent=2).replace("\n", "\n  ")
        options.append(f"  body: JSON.stringify({_marked(text)}),")
    lines.append(f"const reply = await fetch({url}" + (", {\n" + "\n".join(options) + "\n});" if options else ");"))
    lines.append("console.log(reply.status, await reply.text());")
    return "\n".join(lines)
