"""A Recorder in other people's training loops: Lightning's and Hugging Face's, imported when they are asked for."""

import sys
from typing import Any

from ...core.errors import BadInput


def lightning(recorder: Any) -> Any:
    """A Callback of Lightning that records after each step of the optimiser."""
    Callback = _lightning().Callback

    class Recording(Callback):  # type: ignore[misc, valid-type]
        """Calls `recorder.step()` where the trainer has taken a step: once for accumulated gradients."""

        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            self._steps = trainer.global_step

        def on_train_batch_end(self, trainer: Any, *others: Any, **more: Any) -> None:
            if trainer.global_step != self._steps:
                self._steps = trainer.global_step
                recorder.step()

    return Recording()


def _lightning() -> Any:
    """The package that is in use, or can be imported."""
    if "lightning.pytorch" not in sys.modules and "pytorch_lightning" in sys.modules:
        return sys.modules["pytorch_lightning"]
    try:
        import lightning.pytorch as found
    except ImportError:
        raise BadInput("Lightning is not installed: pip install lightning.") from None
    return found


def hugging_face(recorder: Any) -> Any:
    """A TrainerCallback of Hugging Face's transformers that records after each step of the optimiser."""
    try:
        from transformers import TrainerCallback
    except ImportError:
        raise BadInput("Hugging Face's Trainer is not installed: pip install transformers accelerate.") from None

    class Recording(TrainerCallback):
        """Calls `recorder.step()` at the end of each step: once for accumulated gradients."""

        def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            recorder.step()

    return Recording()
