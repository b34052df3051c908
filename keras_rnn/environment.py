"""On what a number was measured."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import keras


def environment() -> dict[str, Any]:
    """Hardware, versions and commit, as they stand beside every measured number."""
    backend = keras.backend.backend()
    return {
        "hardware": " and ".join([f"{os.cpu_count()} cores of {_processor()}", *_accelerators()]),
        "backend": backend,
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in (backend, "keras", "numpy") if _installed(name)},
        },
        "commit": _commit(),
    }


def measured_with(measured: dict[str, Any]) -> str:
    """The versions and the commit of a measured number, in brackets."""
    commit, _, changes = (measured.get("commit") or "").partition(" ")
    versions = ", ".join(f"{name} {version}" for name, version in measured["versions"].items())
    return f" ({versions}{f', commit {commit[:10]} {changes}'.rstrip() if commit else ''})"


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _accelerators() -> list[str]:
    """The names of the GPUs that the backend computes on."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        details = [
            tf.config.experimental.get_device_details(d) for d in tf.config.list_physical_devices("GPU")
        ]
        return [detail.get("device_name", "a GPU") for detail in details]
    if keras.backend.backend() == "jax":
        import jax

        return [device.device_kind for device in jax.devices() if device.platform != "cpu"]
    return []


def _commit() -> str | None:
    """The commit of the checkout that this package is run from, if it is one."""
    root = Path(__file__).parents[1]
    if not (root / ".git").exists():
        return None
    result = subprocess.run(
        ["git", "-C", str(root), "rev-parse", "--verify", "--quiet", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    changes = subprocess.run(
        ["git", "-C", str(root), "status", "--porcelain", "--", "keras_rnn", "zoo/*/recipe.toml"],
        capture_output=True,
        text=True,
        check=False,
    )
    commit = result.stdout.strip()
    return f"{commit[:10]} with changes" if commit and changes.stdout.strip() else commit or None
