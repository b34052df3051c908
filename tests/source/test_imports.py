"""The structure of DESIGN 1, held on the source: who imports whom, what is never written, how long a file is.

Each rule is a function from a file's name and text to complaints that name the line. Beside each stands an
offence, to show that the rule can fail.
"""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import keras_rnn

PACKAGE = Path(keras_rnn.__file__).parent
FILES = {str(path.relative_to(PACKAGE)): path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}

# A room may import rooms of its own line and of those below it. `cli` is on top: nobody imports it.
LINES = [
    ["cli"],
    ["cli_compare", "cli_experiment", "cli_explain", "cli_generate"],
    ["terminal"],
    ["zoo", "experiments"],
    ["export", "models", "datasets", "plots", "explain"],
    ["layers", "losses", "metrics", "callbacks", "optimizers", "text", "subwords"],
    ["parametrizations"],
    ["ops"],
    ["midi"],
    ["environment", "files"],
]
HEIGHT = {room: -k for k, rooms in enumerate(LINES) for room in rooms}
# What an architecture is made of; everything else in `layers` that names a `cell_class` is one.
FOUNDATION = {"cell", "checked", "affine_cell", "input_gated_cell", "linear_cell", "recurrent"}
FOUNDATION |= {"activation_layer", "complex_cell", "forget_gate", "input_kernel_cell"}
FOUNDATION |= {"long_short_term_cell", "mod_relu"}
# Functions that make an architecture with other arguments.
FACTORIES = {"orthogonal_rnn"}
# Slow to import, or not there on every machine: imported where they are used.
LATE = {"tensorflow", "jax", "torch", "matplotlib", "typer", "tensorflow_text", "keras_nlp", "keras_hub"}
LATE |= {"sentencepiece", "sacrebleu", "scipy", "mido"}
# File: what it takes although it is private, and why.
PRIVATE = {
    "ops/custom_gradient.py": {"tensorflow.python.framework.ops"},  # the registry has no public way out of it
}
LONGEST = 250
# File: why it may be longer.
LONGER = {
    "layers/attention_cell.py": "one cell, whose two orders take a page of docstring",
    "layers/recurrent.py": "one layer, whose contract takes a page of docstring",
}


def room(file):
    return Path(file).parts[0].removesuffix(".py")


def imports(file, text):
    """`(line, module, whether it is imported as the file is)`, relative imports written out."""
    tree = ast.parse(text)
    late = set()
    for node in ast.walk(tree):
        for_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if for_types or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            late.update(ast.walk(node))
    package = ["keras_rnn", *Path(file).parts[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, node not in late
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, f"{module}.{alias.name}", node not in late


def ours(file, text):
    """`(line, the parts of a module of ours behind keras_rnn)`."""
    for line, module, _ in imports(file, text):
        top, *parts = module.split(".")
        if top == "keras_rnn" and parts:
            yield line, parts


def only_downwards(file, text):
    if file == "__init__.py":  # the front door opens on every room
        return
    if room(file) not in HEIGHT:
        yield f"{file}:1: the room `{room(file)}` has no place in the order; add it to LINES"
        return
    for line, parts in ours(file, text):
        if parts[0] in HEIGHT and HEIGHT[parts[0]] > HEIGHT[room(file)]:
            yield f"{file}:{line}: `{room(file)}` must not import `{parts[0]}`, which stands above it"


def architectures(files):
    return {
        Path(file).stem
        for file, text in files.items()
        if room(file) == "layers"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ClassDef)
        and any("cell_class" in ast.unparse(n) for n in node.body if isinstance(n, ast.Assign))
    }


ARCHITECTURES = architectures(FILES)


def no_architecture_on_another(file, text):
    if room(file) != "layers" or file == "layers/__init__.py":
        return
    me = Path(file).stem
    for line, parts in ours(file, text):
        if parts[0] != "layers":
            continue
        other = parts[1] if len(parts) > 1 else "__init__"
        if other in ARCHITECTURES and me not in FACTORIES:
            yield f"{file}:{line}: `{me}` must not import the architecture `{other}`"
        elif me in ARCHITECTURES and other not in FOUNDATION:
            yield f"{file}:{line}: the architecture `{me}` may import {sorted(FOUNDATION)}, not `{other}`"


def nothing_private_of_others(file, text):
    found = [(line, module) for line, module, _ in imports(file, text)]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute):
            found.append((node.lineno, ast.unparse(node)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value:
            found.append((node.lineno, node.value))  # importlib.import_module("keras.src...")
    for line, name in found:
        if name in PRIVATE.get(file, ()):
            continue
        if f"{name}.".startswith(("keras.src.", "tensorflow.python.", "tf.python.", "jax._src.")):
            yield f"{file}:{line}: `{name}` is private to its library"


def no_assert(file, text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Assert):
            yield f"{file}:{node.lineno}: `assert` vanishes under python -O; raise an error with a way out"


def late_imports(file, text):
    for line, module, at_once in imports(file, text):
        name = module.split(".")[0]
        if at_once and name in LATE and (file[:3], name) != ("cli", "typer"):
            yield f"{file}:{line}: `{name}` must be imported where it is used"


def not_too_long(file, text):
    length = len(text.splitlines())
    if length > LONGEST and file not in LONGER:
        yield f"{file}:{LONGEST}: {length} lines hold two ideas; make two files of it"
    if length <= LONGEST and file in LONGER:
        yield f"{file}:1: is short enough now; take it out of LONGER"


def documented(file, text):
    tree = ast.parse(text)
    if not ast.get_docstring(tree) and text.strip():
        yield f"{file}:1: the module has no docstring"
    for node in tree.body:
        public = isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
        if public and not ast.get_docstring(node):
            yield f"{file}:{node.lineno}: `{node.name}` has no docstring"


# Rule: offences, each a file and its text with the offending line marked by the comment.
RULES = {
    only_downwards: [
        ("layers/new.py", "from keras_rnn.models import TextModel  # here"),
        ("ops/new.py", "import keras_rnn.layers.lstm  # here"),
        ("models/new.py", "def f():\n    from keras_rnn import zoo  # here"),
        ("zoo/new.py", "from .. import cli  # here"),
        ("files.py", "from keras_rnn import (  # here\n    ops,\n)"),
        ("attic/new.py", "x = 1  # here"),
    ],
    no_architecture_on_another: [
        ("layers/gru.py", "from keras_rnn.layers.lstm import LSTM  # here"),
        ("layers/gru.py", "from keras_rnn.layers.lstm import hard_sigmoid  # here"),
        ("layers/gru.py", "from .heads import BernoulliHead  # here"),
        ("layers/gru.py", "from keras_rnn.layers import LSTM  # here"),
        ("layers/bidirectional.py", "def f():\n    from keras_rnn.layers import gru  # here"),
    ],
    nothing_private_of_others: [
        ("ops/new.py", "from keras.src import backend  # here"),
        ("ops/new.py", "import tensorflow.python.ops as o  # here"),
        ("ops/new.py", "import keras\nx = keras.src.backend  # here"),
        ("ops/new.py", "import importlib\nx = importlib.import_module('tensorflow.python.eager')  # here"),
    ],
    no_assert: [("ops/new.py", "def f(x):\n    assert x  # here")],
    late_imports: [
        ("ops/new.py", "import tensorflow as tf  # here"),
        ("plots.py", "from matplotlib import pyplot  # here"),
        ("zoo/new.py", "import typer  # here"),
        ("cli.py", "import tensorflow_text  # here"),
        ("layers/new.py", "try:\n    import jax.numpy  # here\nexcept ImportError:\n    pass"),
    ],
    not_too_long: [("ops/new.py", "\n" * 249 + "x = 1  # here\n\n")],
    documented: [
        ("ops/new.py", "x = 1  # here"),
        ("ops/new.py", '"""Doc."""\ndef f():  # here\n    return 1'),
        ("ops/new.py", '"""Doc."""\nclass C:  # here\n    x = 1'),
    ],
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_library_keeps_the_rule(rule):
    offences = [offence for file, text in FILES.items() for offence in rule(file, text)]
    assert offences == [], "\n".join(offences)


@pytest.mark.parametrize(
    ("rule", "file", "text"),
    [(rule, *offence) for rule, offences in RULES.items() for offence in offences],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_the_rule_names_the_offending_line(rule, file, text):
    line = next(number for number, row in enumerate(text.splitlines(), start=1) if "# here" in row)
    complaints = list(rule(file, text))
    assert len(complaints) >= 1
    assert all(complaint.startswith(f"{file}:{line}: ") for complaint in complaints), complaints


def test_what_the_rules_allow():
    allowed = """
from typing import TYPE_CHECKING
from keras_rnn.files import write_text
from keras_rnn.layers.cell import RecurrentCell
if TYPE_CHECKING:
    import tensorflow as tf
def f():
    import matplotlib
"""
    for rule in (only_downwards, no_architecture_on_another, nothing_private_of_others, late_imports):
        assert list(rule("layers/lstm.py", allowed)) == []


def test_the_rules_see_the_library():
    assert {"lstm", "gru", "simple_rnn"} <= ARCHITECTURES
    assert ARCHITECTURES.isdisjoint(FOUNDATION)
    assert {parts[0] for file, text in FILES.items() for _, parts in ours(file, text)} >= {
        "layers",
        "ops",
        "zoo",
    }


WATCHED = """
import sys
opened = []
watched = ("open", "os.listdir", "os.scandir", "glob.glob")
sys.addaudithook(lambda event, given: opened.append(str(given[0])) if event in watched else None)
import keras
before = set(sys.modules)  # Keras itself imports rich, and matplotlib where it is installed
import keras_rnn
folder = sys.argv[1]
print([path for path in opened if path.startswith(folder)])
names = {"matplotlib", "rich", "typer", "tensorflow_text", "keras_nlp", "keras_rnn.zoo", "keras_rnn.plots"}
names |= {"sentencepiece", "sacrebleu"}
print(sorted(names & (set(sys.modules) - before)))
print(len(opened) > 100, sorted(keras_rnn.__all__) == keras_rnn.__all__)
from keras_rnn import zoo
zoo.list_models()
print(any(path.startswith(folder) for path in opened))
"""


def test_import_reads_no_zoo_folder_and_imports_no_optional_package():
    folder = PACKAGE.parent / "zoo"
    command = [sys.executable, "-c", WATCHED, str(folder)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == ["[]", "[]", "True True", "True"]


@pytest.mark.parametrize("name", keras_rnn.__all__)
def test_every_public_name_is_there_and_documented(name):
    value = getattr(keras_rnn, name)
    if name == "__version__":
        return
    for public in [value, *(getattr(value, inner) for inner in getattr(value, "__all__", []))]:
        # Its own: a class without one inherits that of its base.
        own = vars(public).get("__doc__") if inspect.isclass(public) else public.__doc__
        assert own, public
