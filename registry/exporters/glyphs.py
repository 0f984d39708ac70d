"""How wide text is, near enough to lay out a picture on the server without a font."""

from dataclasses import dataclass
from xml.sax.saxutils import escape

# Widths in thousandths of the font size, for a common sans serif, on the wide side.
_NARROW = dict.fromkeys("ijl.,:;'|!`", 300) | dict.fromkeys("frtI()[]{}-/ ·", 400)
_WIDE = dict.fromkeys("mwMW@%…→—", 930) | dict.fromkeys("ABCDEFGHKNOPQRSUVXYZ&#", 720) | {"_": 560}
_WIDTHS = _NARROW | _WIDE
_OTHER_LATIN = 590
_OTHER = 1_050
_BOLD = 1.12


def width(text: str, size: float, *, bold: bool = False) -> float:
    """The width of one line of `text` in pixels at font size `size`."""
    thousandths = sum(_WIDTHS.get(each, _OTHER_LATIN if each < "\u2000" else _OTHER) for each in text)
    return thousandths * size / 1_000 * (_BOLD if bold else 1)


def shortened(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """`text`, or as much of its beginning as fits into `room` pixels with an ellipsis."""
    if width(text, size, bold=bold) <= room:
        return text
    kept = text
    while kept and width(kept + "…", size, bold=bold) > room:
        kept = kept[:-1]
    return kept.rstrip(" .-_·") + "…"


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text with the class that colours it and the size it was measured at."""

    text: str
    css: str
    size: float
    bold: bool = False

    @property
    def width(self) -> float:
        """Its width in pixels."""
        return width(self.text, self.size, bold=self.bold)

    def at(self, x: float, y: float, room: float = float("inf"), anchor: str = "middle") -> str:
        """The SVG of this line with its baseline at `y`; what is cut off stays readable as a tooltip."""
        shown = shortened(self.text, room, self.size, bold=self.bold)
        title = f"<title>{xml(self.text)}</title>" if shown != self.text else ""
        weight = ' font-weight="600"' if self.bold else ""
        place = f'x="{number(x)}" y="{number(y)}" text-anchor="{anchor}" font-size="{number(self.size)}"'
        return f'<text class="{self.css}" {place}{weight}>{title}{xml(shown)}</text>'


def xml(text: str) -> str:
    """Text made safe for XML, in an element or an attribute."""
    return escape(text, {'"': "&quot;"})


def number(value: float) -> str:
    """A coordinate without needless digits."""
    return f"{value:.1f}".rstrip("0").rstrip(".")
