"""Figures 4 and 5, and the core: how connected developers are, how widely models are used, and the maximal core.

Networks are given as tables of edges and measures. Developers are not named.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Final, NamedTuple, Self

import networkx as nx
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from hub_assets.figures import panels, style
from hub_assets.figures.panels import Floats, number, percent, whole_percent
from hub_assets.figures.style import REPO_TYPES, Look

Ints = npt.NDArray[np.int64]

NETWORKS: Final = {"all": "all models", "cv": "computer vision", "nlp": "language", "mm": "multimodal"}
"""Display names of the networks, in display order."""
CORES: Final = (1, 5, 10)
"""The k-cores that the study reports besides the maximal one."""
MOST_IN_A_CIRCLE: Final = 50
MOST_DRAWN: Final = 300
"""Maximum number of developers in a drawn core; a larger core would be an unreadable tangle."""
MANY_LINES: Final = 3_000
"""Maximum number of lines drawn as vectors; if there are more, all lines are rasterized within the SVG."""
_STEPS: Final = 10
"""Histogram bins per factor of 10."""

# Okabe-Ito colors that no repository type uses, and text colors with a contrast of at least 6:1 against white
_DEGREES: Final = {
    "degree": Look("in + out", "#CC79A7", "#8a3566", "o", "●"),
    "in_degree": Look("in", "#E69F00", "#7a4f00", "s", "■"),
    "out_degree": Look("out", "#56B4E9", "#0b5480", "^", "▲"),
}
_DEVELOPERS: Final = _DEGREES["degree"]
_MODELS: Final = REPO_TYPES["model"]
_BOTH_WAYS, _ONE_WAY = "#0072B2", "#D55E00"

_OF_DEVELOPERS: Final = panels.Grid(rows=1, columns=2, panel=2.2, header=0.66, gap=0.5)
_OF_MODELS: Final = panels.Grid(rows=2, columns=4, panel=1.3, header=0.66, gap=0.2, right=0.18, footer=0.5)
_OF_CORES: Final = panels.Grid(rows=1, columns=2, panel=2.83, header=0.54, gap=0.6)


@rc_context(style.RC)
def centrality_distributions(centrality: pa.Table) -> Figure:
    """Draw the complementary cumulative distributions of degree and PageRank in a developer network: Figure 4.

    On logarithmic axes, curves show the share of developers who have at least x; isolates are not counted. One panel
    shows degrees (in + out, in, out), the other PageRank. The text above each panel gives n, mean, median, maximum and
    standard deviation (ddof 1) for these developers.

    Args:
        centrality: one row per developer, with `degree`, `in_degree`, `out_degree` (without self-loops) and `pagerank`.
            Developers of degree 0 are isolates and are left out.

    Returns:
        A figure with two axes.
    """
    connected = centrality.filter(pc.greater(centrality["degree"], 0))
    n_isolates = len(centrality) - len(connected)
    n = f"n = {len(connected):,}, without {f'{n_isolates:,} ' if n_isolates else ''}isolates"
    samples = {column: _known(connected[column]) for column in (*_DEGREES, "pagerank")}
    figure = style.blank(_OF_DEVELOPERS.height)
    degrees, ranks = (_OF_DEVELOPERS.field(figure, place) for place in (0, 1))
    _prepare(degrees, [samples[column] for column in _DEGREES], number)
    for line, (column, look) in enumerate(_DEGREES.items()):
        _draw_shares(degrees, look, samples[column])
        words = f"{look.glyph} {look.name}: {', '.join(_summary(samples[column]))}"
        _OF_DEVELOPERS.write(degrees, words, line, color=look.dark)
    _prepare(ranks, [samples["pagerank"]], _short)
    _draw_shares(ranks, _DEVELOPERS, samples["pagerank"])
    for line, words in enumerate(_in_pairs(_summary(samples["pagerank"]))):
        _OF_DEVELOPERS.write(ranks, words, line, color=_DEVELOPERS.dark)
    for axes, name in ((degrees, "degree"), (ranks, "PageRank")):
        _OF_DEVELOPERS.write(axes, name, -1, **style.TITLE)
        _OF_DEVELOPERS.write(axes, n, -1, is_right=True, color=style.QUIET)
        if not len(connected):
            panels.say_no_data(axes)
    _label(figure, [degrees], "x: degree of a developer", "share of developers with at least x")
    _label(figure, [ranks], "x: PageRank of a developer")
    return figure


@rc_context(style.RC)
def usage_distributions(usage: pa.Table, co_usage: pa.Table) -> Figure:
    """Draw how many Spaces use each model, and how many other models each is used together with: Figure 5.

    There is one column per network. The top row shows the share of used models that at least x Spaces use, on
    logarithmic axes. The bottom row is a histogram of co-usage degree, because a cumulative curve would hide the number
    of modes. It has ten bins per factor of 10, skips bins without an integer, and shows density over log10 x, so that
    its area is 1; models without co-usage are left out. The text above each panel gives n, mean, median, maximum and
    standard deviation (ddof 1) over all models of the network, and the share of zeros.

    Args:
        usage: one row per network and model, with `network` and `n_spaces`, as in `network__model_usage`.
        co_usage: one row per network and model, with `network` and `degree`, as in `network__model_co_usage`.

    Returns:
        A figure with eight axes: usage in the order of `NETWORKS`, then co-usage.
    """
    spaces, degrees = (
        [_known(table.filter(pc.equal(table["network"], network))[column]) for network in NETWORKS]
        for table, column in ((usage, "n_spaces"), (co_usage, "degree"))
    )
    figure = style.blank(_OF_MODELS.height)
    above, below = (
        [_OF_MODELS.field(figure, row * len(NETWORKS) + column) for column in range(len(NETWORKS))] for row in (0, 1)
    )
    for column, (axes, values) in enumerate(zip(above, spaces, strict=True)):
        _prepare(axes, spaces, number)
        axes.tick_params(labelleft=column == 0)
        _draw_shares(axes, _MODELS, values)
    for axes, values in zip(below, degrees, strict=True):
        _prepare(axes, degrees, number)
        _draw_histogram(axes, values)
    for axes, values, network in zip([*above, *below], [*spaces, *degrees], [*NETWORKS, *NETWORKS], strict=True):
        zeros = f", {whole_percent((values == 0).mean())} with 0" if (values == 0).any() else ""
        _OF_MODELS.write(axes, NETWORKS[network], -1, **style.TITLE)
        for line, words in enumerate((f"n = {len(values):,}{zeros}", *_in_pairs(_summary(values)))):
            _OF_MODELS.write(axes, words, line, color=_MODELS.dark)
        if not (values > 0).any():
            panels.say_no_data(axes)
    _label(figure, above, "usage x: spaces that use a model", "share of models with at least x")
    _label(figure, below, "co-usage x: other models in the same spaces", "density of models over log₁₀ x")
    return figure


@rc_context(style.RC)
def core(edges: pa.Table, core_numbers: pa.Table, *, is_complete: bool = True) -> Figure:
    """Draw how many developers are in each core of a network, and the maximal core itself.

    The left panel shows the number of developers in the k-core against k, on logarithmic axes. The right panel shows
    the maximal core. A line connects two developers if there is an edge between them: its color indicates whether edges
    go both ways, and its width grows with the logarithm of the edges' total weight. Up to 50 developers are placed on a
    circle, clockwise from the top, grouped by connected component and with the highest total weight first. Larger cores
    use a spring layout (Fruchterman and Reingold, from a fixed start), and cores of more than 300 developers are not
    drawn.

    Args:
        edges: one row per directed edge, with `source`, `target` and `weight` above 0, for the core or the whole
            network. Edges between core developers are drawn, except self-loops.
        core_numbers: one row per developer, with `developer` and `core_number`, the largest k whose core includes the
            developer. Developers with the largest core number form the maximal core; there is none if it is 0.
        is_complete: whether `edges` lists all edges. If not, the maximal core is not drawn.

    Returns:
        A figure with two axes, without names of developers.
    """
    numbers = core_numbers["core_number"].to_numpy().astype(np.int64)
    largest = int(numbers.max(initial=0))
    figure = style.blank(_OF_CORES.height)
    profile, drawing = (_OF_CORES.field(figure, column) for column in (0, 1))
    _label(figure, [profile], "k: minimum degree within the core, in + out", "developers in the k-core")
    _OF_CORES.write(profile, "all cores", -1, **style.TITLE)
    _OF_CORES.write(drawing, f"maximal core, k = {largest:,}" if largest else "maximal core", -1, **style.TITLE)
    drawing.set_axis_off()
    _draw_profile(profile, numbers, largest)
    if largest:
        members = core_numbers.filter(pc.equal(core_numbers["core_number"], largest))
        if is_complete:
            _draw_core(drawing, _Core.of(members["developer"], edges))
        else:
            _OF_CORES.write(drawing, f"{len(members):,} developers", 0, color=_DEVELOPERS.dark)
            drawing.text(0.5, 0.5, "some edges are implicit", ha="center", va="center", color=style.QUIET)
    else:
        panels.say_no_data(profile)
        panels.say_no_data(drawing)
    return figure


def _known(column: pa.ChunkedArray) -> Floats:
    values: Floats = column.drop_null().cast(pa.float64(), safe=False).to_numpy()
    return values


def _prepare(axes: Axes, samples: Collection[Floats], words: Callable[[float], str]) -> None:
    """Set log axes that fit all samples: positive values on x, shares on y."""
    positive = np.concatenate([values[values > 0] for values in samples])
    smallest, largest = (positive.min(), positive.max()) if len(positive) else (1.0, 1.0)
    share = 1 / max(*map(len, samples), 10)
    axes.set(xscale="log", yscale="log", ylim=(share / 1.6, 1.6))
    axes.set(xlim=(smallest / 1.3, 1.3 * max(largest, 10 * smallest)))
    panels.log_ticks(axes.xaxis, words)
    panels.log_ticks(axes.yaxis, percent)
    panels.rule(axes)


def _draw_shares(axes: Axes, look: Look, values: Floats) -> None:
    """Draw the share of all values that are at least x."""
    if (values > 0).any():
        xs, shares = panels.shares_at_least(pa.chunked_array([values]))
        xs, ys = panels.thinned((xs, shares * (values > 0).mean()))
        axes.plot(xs, ys, look.marker, c=look.color, ms=2.8, mew=0, alpha=0.7)


def _draw_histogram(axes: Axes, values: Floats) -> None:
    axes.set(yscale="linear", yticks=[])
    axes.set_xlim(left=0.45)
    axes.spines["left"].set_visible(False)
    values = values[values > 0]
    if len(values):
        powers = np.arange(_STEPS * np.log10(values.max()) + 2 * _STEPS) / _STEPS
        firsts = np.unique(np.ceil(10**powers * (1 - 1e-12)))  # integer powers of 10 may be off in the last digit
        edges = firsts[: np.searchsorted(firsts, values.max(), side="right") + 1] - 0.5
        densities, _ = np.histogram(np.log10(values), np.log10(edges), density=True)
        axes.stairs(densities, edges, fill=True, color=_MODELS.color)
        axes.set(ylim=(0, 1.08 * densities.max()))


def _label(figure: Figure, row: Sequence[Axes], x: str, y: str = "") -> None:
    """Label the x axis below a row of panels, and the y axis to its left."""
    first, last = row[0].get_position(), row[-1].get_position()
    figure.text((first.x0 + last.x1) / 2, first.y0 - 0.21 / figure.get_figheight(), x, ha="center", va="top")
    figure.text(0.012, (first.y0 + first.y1) / 2, y, rotation=90, va="center")


def _summary(values: Floats) -> list[str]:
    """Format mean, median, maximum and standard deviation."""
    measures = {"mean": values.mean(), "median": np.median(values), "max": values.max()} if len(values) else {}
    if len(values) > 1:
        measures["sd"] = values.std(ddof=1)
    return [f"{name} {_short(measures[name]) if name in measures else '-'}" for name in ("mean", "median", "max", "sd")]


def _in_pairs(words: Sequence[str]) -> list[str]:
    return [", ".join(words[first : first + 2]) for first in range(0, len(words), 2)]


def _short(value: float) -> str:
    """Format a number: two significant digits below 1, up to two decimals below 1,000, and `number` above."""
    if 0 < value < 1:
        return str(np.format_float_positional(value, precision=2, fractional=False, trim="-"))
    return number(value) if value >= 1_000 else f"{value:.2f}".removesuffix(".00")


def _draw_profile(axes: Axes, numbers: Ints, largest: int) -> None:
    """Draw how many developers have a core number of at least k."""
    sizes = np.cumsum(np.bincount(numbers, minlength=largest + 1)[::-1])[::-1]
    axes.set(xscale="log", yscale="log", xlim=(0.85, 1.2 * max(largest, 10)))
    for axis in (axes.xaxis, axes.yaxis):
        panels.log_ticks(axis, number)
        axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
    panels.rule(axes)
    if largest:
        axes.set(ylim=(sizes[-1] / 1.6, 1.6 * max(sizes[1], 3 * sizes[-1])))
        axes.plot(np.arange(1, largest + 1), sizes[1:], c=_DEVELOPERS.color, lw=1.2, marker="o", ms=2, mew=0)
        labeled = [*(k for k in CORES if k < largest), largest]
        axes.plot(labeled, sizes[labeled], "o", c=_DEVELOPERS.dark, ms=4, mew=0)
        for position, k in enumerate(labeled):
            line, column = divmod(position, 2)
            _OF_CORES.write(axes, f"k = {k:,}: {sizes[k]:,}", line, is_right=column == 1, color=_DEVELOPERS.dark)


class _Core(NamedTuple):
    """A core: numbers of developers and edges; connected pairs as indices of developers, with direction and weight."""

    n: int
    n_edges: int
    pairs: Ints
    is_both_ways: npt.NDArray[np.bool_]
    weights: Floats

    @classmethod
    def of(cls, developers: pa.ChunkedArray, edges: pa.Table) -> Self:
        members = developers.sort().combine_chunks()
        positions = {name: pc.index_in(edges[name], members) for name in ("source", "target")}
        inside = pa.table({**positions, "weight": edges["weight"]}).drop_null()
        inside = inside.filter(pc.not_equal(inside["source"], inside["target"]))
        ends = np.sort([inside[name].to_numpy().astype(np.int64) for name in positions], axis=0)
        codes, pair_of, counts = np.unique(ends[0] * len(members) + ends[1], return_inverse=True, return_counts=True)
        pairs = np.column_stack(np.divmod(codes, len(members)))
        weights = np.bincount(pair_of, inside["weight"].to_numpy(), len(codes)).astype(np.float64)
        return cls(len(members), len(inside), pairs, counts == 2, weights)


def _draw_core(axes: Axes, core: _Core) -> None:
    _OF_CORES.write(axes, f"{core.n:,} developers, {core.n_edges:,} edges", 0, color=_DEVELOPERS.dark)
    axes.set(aspect="equal", xlim=(-1.06, 1.06), ylim=(-1.06, 1.06))
    if core.n > MOST_DRAWN:
        axes.text(0, 0, "too many to draw", ha="center", va="center", color=style.QUIET)
        return
    spots = _spots(core)
    if len(core.pairs):
        order = np.argsort(core.weights, kind="stable")
        lines = LineCollection(
            list(spots[core.pairs[order]]),
            colors=[_BOTH_WAYS if both else _ONE_WAY for both in core.is_both_ways[order]],
            linewidths=_widths(core.weights[order], core),
            alpha=float(np.clip(8 / np.sqrt(len(order)), 0.15, 0.75)),
            rasterized=len(order) > MANY_LINES,
        )
        axes.add_collection(lines, autolim=False)
        _draw_key(axes, core)
    size = float(np.clip(30 / np.sqrt(core.n), 2.5, 8))
    axes.plot(*spots.T, "o", c=_DEVELOPERS.dark, ms=size, mec="white", mew=0.6)


def _spots(core: _Core) -> Floats:
    """Return positions for the developers within a unit circle around the origin."""
    graph = nx.Graph()
    graph.add_nodes_from(range(core.n))
    graph.add_edges_from(core.pairs.tolist())
    if core.n > MOST_IN_A_CIRCLE:
        spots = np.array(list(nx.spring_layout(graph, seed=0, iterations=200).values()))
        spots -= (spots.min(axis=0) + spots.max(axis=0)) / 2
        reach: float = np.linalg.norm(spots, axis=1).max()
        return spots / reach
    strength = np.bincount(core.pairs.T.ravel(), np.tile(core.weights, 2), core.n)
    parts = sorted(nx.connected_components(graph), key=lambda part: (-max(strength[list(part)]), min(part)))
    order = [node for part in parts for node in sorted(part, key=lambda node: (-strength[node], node))]
    angles = np.empty(core.n)
    angles[order] = 2 * np.pi * np.arange(core.n) / core.n
    return np.column_stack((np.sin(angles), np.cos(angles)))


def _widths(weights: Floats, core: _Core) -> Floats:
    """Return line widths in points, which grow with the weight; all lines are thinner in a core with many pairs."""
    low, high = np.log10([core.weights.min(), core.weights.max()])
    widths: Floats = 0.4 + 2.6 * (np.log10(weights) - low) / max(high - low, 1.0)
    return widths * float(np.clip(np.sqrt(100 / len(core.pairs)), 0.4, 1))


def _draw_key(axes: Axes, core: _Core) -> None:
    """Explain colors and widths below a drawing."""
    n_both = int(core.is_both_ways.sum())
    ways = ((_BOTH_WAYS, "both ways", n_both), (_ONE_WAY, "one way", len(core.pairs) - n_both))
    handles = [Line2D([], [], lw=1.2, c=color, label=f"{name}: {count:,} pairs") for color, name, count in ways]
    ends = np.unique([core.weights.min(), core.weights.max()])
    for weight, width in zip(ends, _widths(ends, core), strict=True):
        handles.append(Line2D([], [], lw=width, c=style.INK, label=f"weight {_short(weight)}"))
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=2, frameon=False, borderpad=0)
