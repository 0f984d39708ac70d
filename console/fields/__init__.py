"""Record types as the controls of a form, and what was typed as data again. No section is known here by name."""

from .acts import Acted, act, exemplify
from .brought import Brought, bring
from .controls import Content, Control, Field, Group, Items, Said, contents, element_id, labels_of, walk
from .form import control_at, focus_at, form
from .pasting import paste
from .specs import Kind, Spec, section_spec, specs
from .text import Reading, Text, as_text, posted_text, read, value_of, without_blank_items

__all__ = [
    "Acted",
    "Brought",
    "Content",
    "Control",
    "Field",
    "Group",
    "Items",
    "Kind",
    "Reading",
    "Said",
    "Spec",
    "Text",
    "act",
    "as_text",
    "bring",
    "contents",
    "control_at",
    "element_id",
    "exemplify",
    "focus_at",
    "form",
    "labels_of",
    "paste",
    "posted_text",
    "read",
    "section_spec",
    "specs",
    "value_of",
    "walk",
    "without_blank_items",
]
