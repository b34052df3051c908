"""A training that can be killed at any moment."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_rnn.files import written_whole


class TrainingCheckpoint(keras.callbacks.Callback):
    """Keeps the whole state of a training in one file, so that it can go on after a kill.

    The file holds weights, optimizer, random generators, history and time spent, and is replaced in one
    move at the end of each epoch. A training that was killed and goes on takes the same steps, with the same
    numbers, as one that was not, if its data depends on the epoch alone.

        checkpoint = TrainingCheckpoint("checkpoint.npz")
        first_epoch = checkpoint.restore(model)        # 0 if there is none
        model.fit(..., initial_epoch=first_epoch, epochs=10, callbacks=[checkpoint])

    (`keras.callbacks.BackupAndRestore` writes weights and epoch to two files one after the other, leaves the
    random generators out, and forgets the history.)

    Args:
        path: the file, ending in `.npz`.

    Raises:
        ValueError: in `fit`, if weights are not finite at the end of an epoch; the file stays as it was.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self.path = Path(path)
        self.history: list[dict[str, float]] = []
        self.seconds = 0.0
        self._started = time.monotonic()

    def restore(self, model: Any) -> int:
        """Puts the saved state into a compiled, built model.

        Returns:
            The number of epochs that are done.

        Raises:
            ValueError: if the file is not a checkpoint of this model.
        """
        if not self.path.exists():
            return 0
        variables = _variables(model)
        try:
            # Opened here: of a damaged file NumPy would leave its own handle open.
            with open(self.path, "rb") as binary, np.load(binary) as file:
                state = json.loads(str(file["state"]))
                values = [file[f"variable_{k}"] for k in range(state["variables"])]
        except Exception as error:
            raise ValueError(
                f"{self.path} is not a readable checkpoint ({error}). Delete it to begin anew."
            ) from error
        if [v.shape for v in values] != [tuple(v.shape) for v in variables]:
            raise ValueError(f"{self.path} belongs to another model. Delete it to begin anew.")
        for variable, value in zip(variables, values):
            variable.assign(value)
        self.history, self.seconds = state["history"], state["seconds"]
        return len(self.history)

    def on_train_begin(self, logs: Any = None) -> None:
        self._started = time.monotonic() - self.seconds

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        values = [keras.ops.convert_to_numpy(v) for v in _variables(self.model)]
        if not all(np.isfinite(w).all() for w in values[: len(self.model.trainable_variables)]):
            raise ValueError(
                f"The weights are not all finite numbers after epoch {epoch + 1}; {self.path} is left as it "
                "was. Lower the learning rate, or clip the gradients (`global_clipnorm`)."
            )
        self.seconds = time.monotonic() - self._started
        self.history.append({"epoch": epoch + 1, **{k: float(v) for k, v in (logs or {}).items()}})
        state = {"variables": len(values), "history": self.history, "seconds": self.seconds}
        with written_whole(self.path) as temporary, open(temporary, "wb") as file:
            arrays = {f"variable_{k}": value for k, value in enumerate(values)}
            np.savez(file, state=np.array(json.dumps(state)), **arrays)


def _variables(model: Any) -> list[Any]:
    # The model's own, its random generators' among them, and the optimizer's; metrics begin each epoch anew,
    # and so do the states of a model that holds them itself, and not in its layers.
    carried = {id(state) for state in getattr(model, "states", None) or ()}
    others = [v for v in model.non_trainable_variables if id(v) not in carried]
    return [*model.trainable_variables, *others, *model.optimizer.variables]
