"""The difference of two design records, field by field, and what it means in words and numbers. Pure."""

from .breaking import breaks, is_breaking
from .changes import Change, Kind, compare
from .consequence import Consequence, Verdict
from .consequences import consequences, weigh
from .worst import WorstCase, worst_case

__all__ = [
    "Change",
    "Consequence",
    "Kind",
    "Verdict",
    "WorstCase",
    "breaks",
    "compare",
    "consequences",
    "is_breaking",
    "weigh",
    "worst_case",
]
