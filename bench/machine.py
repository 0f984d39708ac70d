"""What a measurement was made on, so that another one can be held beside it."""

import os
import platform
from pathlib import Path


def describe() -> str:
    """Processor, cores, memory, system, Python."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parts = [_processor(), f"{cores} cores", _memory(), platform.system(), f"Python {platform.python_version()}"]
    return ", ".join(each for each in parts if each)


def _processor() -> str:
    return _first("/proc/cpuinfo", "model name") or platform.processor() or platform.machine()


def _memory() -> str:
    kilobytes = _first("/proc/meminfo", "MemTotal").removesuffix(" kB")
    return f"{int(kilobytes) / 1_048_576:.0f} GB" if kilobytes else ""


def _first(file: str, name: str) -> str:
    path = Path(file)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")
