"""Which loop runs a cell: the rule behind `implementation`, and the loops by their names."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras

from keras_rnn.layers.chunked_loop import run_chunked_cell
from keras_rnn.layers.cudnn import run_cudnn_cell, why_not_cudnn
from keras_rnn.layers.fast_loop import run_fast_cell
from keras_rnn.layers.foreign_cell import ForeignCell
from keras_rnn.layers.linear_cell import LinearCell
from keras_rnn.layers.linear_loop import run_linear_cell
from keras_rnn.layers.loop import run_cell
from keras_rnn.layers.wrapped_cell import unwrapped

IMPLEMENTATIONS = ("auto", "plain", "fast", "parallel", "cudnn")
_export = threading.local()


def check_implementation(implementation: str, use_cudnn: Any) -> None:
    """Raises ValueError if one of the two is unknown, or they contradict each other."""
    if implementation not in IMPLEMENTATIONS:
        raise ValueError(
            f"`implementation` must be one of {IMPLEMENTATIONS}; received implementation={implementation!r}. "
            "Leave it out for the fastest that gives the numbers of 'plain'."
        )
    if use_cudnn not in ("auto", True, False):
        raise ValueError(f"`use_cudnn` must be 'auto', True or False; received use_cudnn={use_cudnn!r}.")
    if use_cudnn is True and implementation not in ("auto", "cudnn"):
        raise ValueError(
            f"`use_cudnn=True` contradicts implementation={implementation!r}. Leave one of them out."
        )
    if use_cudnn is False and implementation == "cudnn":
        raise ValueError("`use_cudnn=False` contradicts implementation='cudnn'. Leave one of them out.")


def choose_loop(
    cell: Any,
    implementation: str,
    use_cudnn: Any,
    constants: Any,
    unroll: bool,
    recompute: bool,
    reset: bool,
    training: bool,
    name: str,
) -> Callable[..., Any]:
    """The function that runs the cell over time, as `keras_rnn.layers.loop.run_cell` is called.

    Under `"auto"` it is the first of these that can:

        plain       for `unroll=True`
        cudnn       LSTM and GRU on a GPU, but not under XLA and not while keras_rnn exports a text model
        parallel    a `LinearCell`, or one with `run_chunk`, as `keras_rnn.layers.chunked_loop` has it
        fast        in training, a cell with an adjoint, or, on TensorFlow, one with `recurrent_constants`
        plain

    Outside of training there is no gradient to be made faster, and nothing is kept for one; and Keras exports
    what holds no gradient of its own.

    Raises:
        ValueError: if the implementation that is asked for cannot run this cell; says why.
    """
    wants_cudnn = implementation == "cudnn" or use_cudnn is True
    if recompute:
        reason = "`unroll=True` writes out the plain loop." if unroll else why_not_fast(cell)
        if reason is None and cell.projects_at_random:
            reason = f"{type(cell).__name__} draws random numbers for each step, which cannot be drawn again."
        if reason is not None or wants_cudnn or implementation not in ("auto", "fast"):
            raise ValueError(
                f"`recompute=True` belongs to the fast loop, which `{name}` does not run: "
                f"{reason or 'another implementation is asked for.'} Leave `recompute` out."
            )
        if training or implementation == "fast":
            return partial(run_fast_cell, recompute=True)
    if wants_cudnn or (implementation == "auto" and use_cudnn != False and not exporting()):  # noqa: E712
        reason = why_not_cudnn(
            cell, unroll=unroll, reset=reset, jit_compile=_compiled_by_xla(), constants=constants
        )
        if reason is None:
            return run_cudnn_cell
        if wants_cudnn:
            raise ValueError(
                f"`{name}` cannot run on cuDNN: {reason} Leave `use_cudnn` and `implementation` out."
            )
    if unroll:
        if implementation not in ("auto", "plain"):
            raise ValueError(
                f"`unroll=True` writes out the plain loop; `{name}` received "
                f"implementation={implementation!r}. Leave one of them out."
            )
        return partial(run_cell, unroll=True)
    if implementation in ("auto", "parallel"):
        inner = unwrapped(cell, inputs=True)[0]
        if isinstance(inner, LinearCell):
            return _run_linear_cell
        if hasattr(inner, "run_chunk"):
            return _run_chunked_cell
        if implementation == "parallel":
            raise ValueError(
                f"`implementation='parallel'` needs a cell that is linear in its state, such as MinGRUCell, "
                f"LRUCell or MLSTMCell; `{name}` has {type(cell).__name__}. Leave `implementation` out."
            )
    if implementation == "fast" or (implementation == "auto" and training):
        reason = why_not_fast(cell)
        if reason is None:
            return run_fast_cell
        if implementation == "fast":
            raise ValueError(f"`{name}` cannot run the fast loop: {reason} Leave `implementation` out.")
    return run_cell


def why_not_fast(cell: Any) -> str | None:
    """Why a cell cannot run on the fast path, in one sentence; None if it can."""
    cell = unwrapped(cell)[0]
    if getattr(cell, "has_adjoint", False):
        return None
    if isinstance(cell, ForeignCell):
        return f"{type(cell.cell).__name__} follows Keras's protocol of cells, which knows no adjoint."
    if not cell.recurrent_constants:
        return (
            f"{type(cell).__name__} neither writes its adjoint nor says in `recurrent_constants` which "
            "matrices `keras_rnn.ops.state_product` multiplies its states by."
        )
    if cell.steps_at_random:
        return f"{type(cell).__name__} draws random numbers within a step, which cannot be taken again."
    if keras.backend.backend() != "tensorflow":
        return f"{type(cell).__name__} has no adjoint of its own, and only TensorFlow tapes a step."
    return None


def runs_on_cudnn(cell: Any, implementation: str, use_cudnn: Any) -> bool:
    """Whether a layer is made to run on cuDNN on this machine."""
    if use_cudnn is False or implementation not in ("auto", "cudnn"):
        return False
    return keras.backend.backend() == "tensorflow" and why_not_cudnn(cell) is None


def _run_linear_cell(cell: Any, x: Any, states: Any, fresh: Any, constants: Any, **options: Any) -> Any:
    inner, own = unwrapped(cell, constants, inputs=True)
    return run_linear_cell(inner, x, states, fresh, own, **options)


def _run_chunked_cell(cell: Any, x: Any, states: Any, fresh: Any, constants: Any, **options: Any) -> Any:
    inner, own = unwrapped(cell, constants, inputs=True)
    return run_chunked_cell(inner, x, states, fresh, own, **options)


@contextmanager
def export_mode() -> Iterator[None]:
    """While it lasts, cuDNN is not chosen by itself: what is exported then runs everywhere."""
    before, _export.on = exporting(), True
    try:
        yield
    finally:
        _export.on = before


def exporting() -> bool:
    """Whether `export_mode` is on in this thread."""
    return getattr(_export, "on", False)


def _compiled_by_xla() -> bool:
    """Whether the TensorFlow function that is being traced is compiled by XLA."""
    if keras.backend.backend() != "tensorflow":
        return True
    import tensorflow as tf

    graph = tf.compat.v1.get_default_graph() if tf.inside_function() else None
    while graph is not None:
        context = graph._get_control_flow_context()
        while context is not None:
            if context.IsXLAContext():
                return True
            context = context.outer_context
        graph = getattr(graph, "outer_graph", None)
    return False
