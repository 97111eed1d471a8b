"""ONNX models: built node by node, opened in ONNX Runtime, and run in batches on all cores."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from recweave.core.arrays import Array
from recweave.core.errors import BadArtifact, Unavailable
from recweave.core.extras import require
from recweave.encode.images.decode import EXTRA
from recweave.parallel import Threads

BATCH = 4
"""Pictures in one call: a few, so that what a layer writes is still in the cache for the next."""


def open_session(model: bytes | Path) -> Any:
    """An inference session with one thread for each call.

    Args:
        model: The content of an ONNX file, or where it is.

    Raises:
        Unavailable: if there is no such file.
        BadArtifact: if it is no model that ONNX Runtime can run.
    """
    runtime = require("onnxruntime", extra=EXTRA)
    if isinstance(model, Path) and not model.is_file():
        raise Unavailable(f"there is no file {model}; give the path of an ONNX model")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # errors alone
    source = model if isinstance(model, bytes) else str(model)
    try:
        return runtime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no common class
        what = "the model" if isinstance(model, bytes) else str(model)
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadArtifact(f"ONNX Runtime cannot open {what} ({first}); export it again") from None


def run_batches(session: Any, inputs: Array, threads: int, batch: int = BATCH) -> Array:
    """The first output for each of some inputs, stacked; calls run on several threads."""
    parts = [inputs[start : start + batch] for start in range(0, len(inputs), batch)]
    return np.concatenate(list(Threads(threads).map(partial(_run, session), parts)))


def _run(session: Any, inputs: Array) -> Array:
    return np.asarray(session.run(None, {session.get_inputs()[0].name: inputs})[0])


class GraphBuilder:
    """An ONNX model, node by node."""

    def __init__(self, opset: int) -> None:
        self._helper = require("onnx.helper", extra=EXTRA)
        self._arrays = require("onnx.numpy_helper", extra=EXTRA)
        self._opset = self._helper.make_opsetid("", opset)
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._inputs: list[Any] = []

    def input(self, name: str, kind: DTypeLike, shape: Sequence[str | int]) -> str:
        """An input of the model; a word in the shape stands for any length."""
        self._inputs.append(self._value(name, kind, shape))
        return name

    def constant(self, value: Array | np.generic) -> str:
        """Weights, or another constant."""
        name = f"c{len(self._constants)}"
        self._constants.append(self._arrays.from_array(np.asarray(value), name))
        return name

    def add(self, operator: str, inputs: Sequence[str], **attributes: Any) -> str:
        """The output of a further node."""
        if isinstance(attributes.get("to"), type):
            attributes["to"] = self._kind(attributes["to"])
        name = f"n{len(self._nodes)}"
        self._nodes.append(self._helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def model(self, output: str, shape: Sequence[str | int]) -> bytes:
        """The whole model, with one output of float32."""
        ends = [self._value(output, np.float32, shape)]
        graph = self._helper.make_graph(
            self._nodes, "recweave", self._inputs, ends, self._constants
        )
        model = self._helper.make_model(graph, opset_imports=[self._opset], ir_version=8)
        return bytes(model.SerializeToString())

    def _kind(self, kind: DTypeLike) -> int:
        return int(self._helper.np_dtype_to_tensor_dtype(np.dtype(kind)))

    def _value(self, name: str, kind: DTypeLike, shape: Sequence[str | int]) -> Any:
        return self._helper.make_tensor_value_info(name, self._kind(kind), list(shape))
