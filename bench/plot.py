# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""The plot of bench/report: SVG by hand, so that nothing has to be installed.

Colours are given twice, for light and for dark surroundings; which of them is
used is up to who shows the picture.
"""
import collections
import math
from xml.sax.saxutils import escape

Bar = collections.namedtuple("Bar", ("peer", "ratio", "target"))
Ratios = collections.namedtuple("Ratios", ("title", "bars"))
Growth = collections.namedtuple("Growth", ("title", "along", "lines"))

WIDTH = 900
LEFT = 270		# where the bars begin; labels are before that
RIGHT = 800		# where the axis ends; values stand behind their bars
THICK = 11		# of a bar
GAP = 7			# between works
HEAD = 46		# a panel's title and axis
FOOT = 26

STYLE = """
text { font: 12px sans-serif; fill: #1f2328 }
.title { font-weight: bold; font-size: 14px }
.faint { fill: #59636e }
.paper { fill: #ffffff }
.grid { stroke: #d8dee4; stroke-width: 1 }
.one { stroke: #59636e; stroke-width: 1.5 }
.target { stroke: #1f2328; stroke-width: 2.5 }
.line { fill: none; stroke-width: 2 }
.a { fill: #2f6fb7 } .b { fill: #c4661f } .c { fill: #3d8b4f }
.la { stroke: #2f6fb7 } .lb { stroke: #c4661f } .lc { stroke: #3d8b4f }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.faint { fill: #9198a1 }
.paper { fill: #0d1117 }
.grid { stroke: #2f3742 }
.one { stroke: #9198a1 }
.target { stroke: #e6edf3 }
.a { fill: #5fa3ee } .b { fill: #e58b45 } .c { fill: #5cb870 }
.la { stroke: #5fa3ee } .lb { stroke: #e58b45 } .lc { stroke: #5cb870 }
}
"""
COLOURS = {"in-tree": "a", "iommufd": "b", "iommufd-compat": "c"}


class Axis:
    """A logarithmic axis over whole powers of ten that hold all values."""

    def __init__(self, values, begin, end):
        self.low = math.floor(math.log10(min(values)))
        self.high = max(math.ceil(math.log10(max(values))), self.low + 1)
        self.begin, self.end = begin, end

    def at(self, value):
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)

    def powers(self):
        return [10.0 ** n for n in range(self.low, self.high + 1)]


def text(x, y, what, kind="", anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">'
            f'{escape(what)}</text>')


def line(x1, y1, x2, y2, kind):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def short(value):
    """A power of ten, in few characters."""
    for limit, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g}{sign}"
    return f"{value:g}"


def times(ratio):
    return f"{ratio:.0f}x" if ratio >= 100 else f"{ratio:.3g}x"


def ratios_height(panel):
    return HEAD + FOOT + sum(GAP + THICK * len(bars) for _, bars in panel.bars)


def draw_ratios(panel, top):
    values = [1.0]
    for _, bars in panel.bars:
        values += [v for bar in bars for v in (bar.ratio, bar.target) if v]
    axis = Axis(values, LEFT, RIGHT)
    bottom = top + ratios_height(panel) - FOOT

    yield text(20, top + 20, panel.title, "title")
    for power in axis.powers():
        yield line(axis.at(power), top + HEAD - 8, axis.at(power), bottom,
                   "one" if power == 1 else "grid")
        yield text(axis.at(power), top + HEAD - 12, times(power), "faint", "middle")

    y = top + HEAD
    for label, bars in panel.bars:
        yield text(LEFT - 8, y + THICK * (len(bars) + 1) / 2 - 1, label, "", "end")
        for bar in bars:
            a, b = sorted((axis.at(1), axis.at(bar.ratio)))
            yield (f'<rect x="{a:.1f}" y="{y + 1:.1f}" width="{max(b - a, 1):.1f}" '
                   f'height="{THICK - 2}" class="{COLOURS[bar.peer]}"/>')
            end = b
            if bar.target:
                at = axis.at(bar.target)
                yield line(at, y, at, y + THICK, "target")
                end = max(b, at)
            yield text(end + 5, y + THICK - 2, times(bar.ratio), "faint")
            y += THICK
        y += GAP


def growth_height(_panel):
    return 330


def draw_growth(panel, top):
    points = [point for each in panel.lines.values() for point in each]
    across = Axis([x for x, _ in points], LEFT / 3, RIGHT - 40)
    bottom = top + growth_height(panel) - 60
    up = Axis([y for _, y in points], bottom, top + HEAD)

    yield text(20, top + 20, panel.title, "title")
    for power in across.powers():
        yield line(across.at(power), top + HEAD, across.at(power), bottom, "grid")
        yield text(across.at(power), bottom + 18, short(power), "faint", "middle")
    yield text((across.begin + across.end) / 2, bottom + 38, panel.along, "faint", "middle")
    for power in up.powers():
        yield line(across.begin, up.at(power), across.end, up.at(power), "grid")
        yield text(across.begin - 8, up.at(power) + 4, short(power), "faint", "end")

    taken = []
    for (name, each), colour in zip(panel.lines.items(), "abc"):
        each = sorted(each)
        path = " ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in each)
        yield f'<polyline points="{path}" class="line l{colour}"/>'
        # Names stand at their line's end, but not on each other.
        at = up.at(each[-1][1]) + 4
        while any(abs(at - other) < 14 for other in taken):
            at += 1
        taken.append(at)
        yield text(across.at(each[-1][0]) + 8, at, name, colour)


def legend(top):
    x = 20
    for name, colour in COLOURS.items():
        label = f"{name} / Manifold"
        yield f'<rect x="{x}" y="{top + 10}" width="12" height="12" class="{colour}"/>'
        yield text(x + 18, top + 20, label)
        x += 40 + 7 * len(label)
    yield line(x, top + 9, x, top + 23, "target")
    yield text(x + 8, top + 20, "target")


def draw(panels):
    """The picture of all panels, one below the other; empty without panels."""
    if not panels:
        return ""
    out, top = [], 8
    if any(isinstance(panel, Ratios) for panel in panels):
        out += [text(20, top + 16, "Instructions, and how often Manifold's go into the peer's: "
                     "to the right of 1x Manifold needs fewer", "faint")]
        out += list(legend(top + 22))
        top += 54
    for panel in panels:
        if isinstance(panel, Ratios):
            out += list(draw_ratios(panel, top))
            top += ratios_height(panel)
        else:
            out += list(draw_growth(panel, top))
            top += growth_height(panel)
    body = "\n".join(out)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" '
            f'width="{WIDTH}" height="{top}" role="img">\n'
            f'<title>What was measured</title>\n<style>{STYLE}</style>\n'
            f'<rect width="{WIDTH}" height="{top}" class="paper"/>\n{body}\n</svg>\n')
