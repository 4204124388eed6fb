"""Figures 4 and 5 and the figure of the core: they match their tables and are readable for any network."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import networkx as nx
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex, to_rgba_array
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch
from scipy.spatial.distance import pdist

from hub_assets.figures.files import png, svg
from hub_assets.figures.networks import NETWORKS, centrality_distributions, core, usage_distributions
from hub_assets_tests.figures.made_up import assert_neat

BOTH_WAYS, ONE_WAY = "#0072b2", "#d55e00"


def weighted(graph: nx.DiGraph) -> nx.DiGraph:
    """Give the edges weights from 1 to 97 in turn."""
    for place, (source, target) in enumerate(sorted(graph.edges)):
        graph.edges[source, target]["weight"] = place % 97 + 1
    return graph


def centrality_of(graph: nx.DiGraph) -> pa.Table:
    ranks = nx.pagerank(graph) if len(graph) else {}
    ends = {"degree": graph.degree, "in_degree": graph.in_degree, "out_degree": graph.out_degree}
    columns = {name: pa.array([count for _, count in degrees], pa.int64()) for name, degrees in ends.items()}
    names = pa.array([name_of(one) for one in graph], pa.string())
    return pa.table({"developer": names, **columns, "pagerank": pa.array(ranks.values(), pa.float64())})


def edges_of(graph: nx.DiGraph) -> pa.Table:
    every = list(graph.edges(data="weight"))
    ends = {
        name: pa.array([name_of(edge[place]) for edge in every], pa.string())
        for place, name in enumerate(("source", "target"))
    }
    return pa.table({**ends, "weight": pa.array([edge[2] for edge in every], pa.int64())})


def cores_of(graph: nx.DiGraph) -> pa.Table:
    numbers = nx.core_number(graph)
    names = pa.array([name_of(one) for one in numbers], pa.string())
    return pa.table({"developer": names, "core_number": pa.array(numbers.values(), pa.int64())})


def name_of(developer: int) -> str:
    return f"developer-{developer:05}"


def core_of(graph: nx.DiGraph) -> Figure:
    return core(edges_of(graph), cores_of(graph))


def by_network(column: str, **values: Sequence[int | None]) -> pa.Table:
    networks = [network for network, known in values.items() for _ in known]
    every = [value for known in values.values() for value in known]
    return pa.table({"network": pa.array(networks, pa.string()), column: pa.array(every, pa.int64())})


def usage(**values: Sequence[int | None]) -> Figure:
    return usage_distributions(by_network("n_spaces", **values), by_network("degree"))


def co_usage(**values: Sequence[int | None]) -> Figure:
    return usage_distributions(by_network("n_spaces"), by_network("degree", **values))


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts if text.get_text()]


def data(line: Line2D) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


def steps(axes: Axes) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the heights and edges of a histogram."""
    (drawn,) = [patch for patch in axes.patches if isinstance(patch, StepPatch)]
    heights, edges, _ = drawn.get_data()
    return np.asarray(heights), np.asarray(edges)


def spots(axes: Axes) -> npt.NDArray[np.float64]:
    (dots,) = axes.lines
    return np.column_stack(data(dots))


def lines(axes: Axes) -> LineCollection:
    (drawn,) = axes.collections
    assert isinstance(drawn, LineCollection)
    return drawn


def counted_lines(axes: Axes) -> dict[str, int]:
    """Return the number of lines of each color."""
    return dict(Counter(to_hex(color) for color in to_rgba_array(lines(axes).get_colors())))


def key(axes: Axes) -> list[str]:
    legend = axes.get_legend()
    return [text.get_text() for text in legend.get_texts()] if legend else []


A_FEW = weighted(nx.gnp_random_graph(60, 0.1, seed=1, directed=True))
COMPLETE = weighted(nx.complete_graph(14, nx.DiGraph))
MANY = weighted(nx.gnp_random_graph(160, 0.3, seed=1, directed=True))  # more lines than an SVG contains as vectors
RING = weighted(nx.cycle_graph(5_000, nx.DiGraph))


def test_curves_are_the_shares_of_connected_developers_of_at_least_x() -> None:
    graph = nx.DiGraph([(0, 1), (1, 0), (2, 0), (3, 0)])
    graph.add_nodes_from([4, 5])
    figure = centrality_distributions(centrality_of(graph))
    degrees, ranks = figure.axes
    both, ins, outs = (data(line) for line in degrees.lines)
    assert [part.tolist() for part in both] == [[1, 2, 4], [1, 0.5, 0.25]]
    assert [part.tolist() for part in ins] == [[1, 3], [0.5, 0.25]]
    assert [part.tolist() for part in outs] == [[1], [1]]
    (of_ranks,) = ranks.lines
    known = nx.pagerank(graph)
    assert set(data(of_ranks)[0]) == {known[0], known[1], known[2]}
    assert sorted(data(of_ranks)[1]) == [0.25, 0.5, 1]
    assert {(axes.get_xscale(), axes.get_yscale()) for axes in figure.axes} == {("log", "log")}


def test_text_summarizes_connected_developers() -> None:
    """The degrees 1, 1, 2 and 4 have mean 2, median 1.5 and standard deviation sqrt(6 / 3)."""
    graph = nx.DiGraph([(0, 1), (1, 0), (2, 0), (3, 0)])
    graph.add_nodes_from(range(4, 1_238))
    degrees, ranks = centrality_distributions(centrality_of(graph)).axes
    assert set(texts(degrees)) == {
        "degree",
        "n = 4, without 1,234 isolates",
        "● in + out: mean 2, median 1.50, max 4, sd 1.41",
        "■ in: mean 1, median 0.5, max 3, sd 1.41",
        "▲ out: mean 1, median 1, max 1, sd 0",
    }
    known = [nx.pagerank(graph)[developer] for developer in range(4)]
    words = next(text for text in texts(ranks) if text.startswith("mean"))
    assert float(words.removeprefix("mean ").split(",")[0]) == pytest.approx(np.mean(known), rel=0.05)
    assert "e" not in words.removeprefix("mean").replace("median", "")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([], ["n = 0", "mean -, median -", "max -, sd -", "no data"]),
        ([7], ["n = 1", "mean 7, median 7", "max 7, sd -"]),
        ([1, 2, None], ["n = 2", "mean 1.50, median 1.50", "max 2, sd 0.71"]),
        ([1, 1, 12_345], ["n = 3", "mean 4,116, median 1", "max 12.3k, sd 7,127"]),
    ],
)
def test_text_summarizes_usage(values: list[int | None], words: list[str]) -> None:
    assert texts(usage(all=values).axes[0]) == ["all models", *words]


def test_usage_and_co_usage_have_a_panel_for_each_network() -> None:
    figure = usage_distributions(
        by_network("n_spaces", mm=[1, 2], all=[1, 2, 3, 4], other=[9]), by_network("degree", nlp=[5], cv=[6, 7])
    )
    assert [texts(axes)[0] for axes in figure.axes] == [*NETWORKS.values()] * 2
    assert [len(axes.lines) for axes in figure.axes] == [1, 0, 0, 1, 0, 0, 0, 0]
    assert [len(axes.patches) for axes in figure.axes] == [0, 0, 0, 0, 0, 1, 1, 0]
    assert [part.tolist() for part in data(figure.axes[0].lines[0])] == [[1, 2, 3, 4], [1, 0.75, 0.5, 0.25]]
    for row in (figure.axes[:4], figure.axes[4:]):
        assert len({axes.get_xlim() for axes in row}) == 1
    assert len({axes.get_ylim() for axes in figure.axes[:4]}) == 1


@pytest.mark.parametrize("largest", [1, 9, 10, 12_345])
def test_each_histogram_bin_contains_an_integer_and_the_area_is_1(largest: int) -> None:
    rng = np.random.default_rng(largest)
    values = np.append(np.ceil(largest ** rng.random(500)), [1, largest]).astype(int).clip(1, largest)
    heights, edges = steps(co_usage(all=[*values.tolist(), 0, 0]).axes[4])
    widths = np.diff(np.log10(edges))
    assert (heights * widths).sum() == pytest.approx(1)
    inside = [int(((low < values) & (values < high)).sum()) for low, high in pairwise(edges)]
    assert heights * widths == pytest.approx(np.array(inside) / len(values))
    assert (edges % 1 == 0.5).all()
    assert (edges[0], edges[-2] < largest < edges[-1]) == (0.5, True)
    # each decade starts with a new bin
    assert {power - 0.5 for power in (1, 10, 100, 1_000) if power <= largest} <= set(edges)


def test_modes_are_visible() -> None:
    """All models that the same large Space uses have the same degree, so two large Spaces make two modes."""
    values = [1] * 30 + [2] * 20 + [4] * 10 + [41] * 300 + [630] * 100
    heights, edges = steps(co_usage(all=values).axes[4])
    is_mode = (heights[1:-1] > 3 * heights[:-2]) & (heights[1:-1] > 3 * heights[2:])
    tops = [(edges[place + 1], edges[place + 2]) for place in np.flatnonzero(is_mode)]
    is_visible = [any(low < mode < high for low, high in [*tops, (edges[-2], edges[-1])]) for mode in (41, 630)]
    assert is_visible == [True, True]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([0, 1, 1, 1], "n = 4, 25% with 0"),
        ([0] * 3, "n = 3, 100% with 0"),
        ([0] + [1] * 999, "n = 1,000, < 1% with 0"),
        ([0] * 999 + [1], "n = 1,000, > 99% with 0"),
        ([3], "n = 1"),
    ],
)
def test_models_without_co_usage_are_counted(values: list[int], words: str) -> None:
    axes = co_usage(nlp=values).axes[6]
    assert texts(axes)[1] == words
    assert ("no data" in texts(axes)) == (not any(values))


@pytest.mark.parametrize("graph", [COMPLETE, A_FEW, RING], ids=["complete", "a few", "ring"])
def test_the_profile_shows_the_size_of_each_core(graph: nx.DiGraph) -> None:
    profile, _ = core_of(graph).axes
    ks, sizes = data(profile.lines[0])
    assert ks.tolist() == list(range(1, int(ks[-1]) + 1))
    assert sizes.tolist() == [len(nx.k_core(graph, k)) for k in ks.astype(int)]
    assert len(nx.k_core(graph, int(ks[-1]) + 1)) == 0
    marked, _ = data(profile.lines[1])
    told = [f"k = {k}: {sizes[k - 1]:,}" for k in marked]
    assert texts(profile) == ["all cores", *told]
    assert set(marked) == {k for k in (1, 5, 10) if k <= ks[-1]} | {ks[-1]}
    low, high = profile.get_ylim()
    assert low < min(sizes) <= max(sizes) < high


@pytest.mark.parametrize("graph", [COMPLETE, A_FEW, MANY], ids=["complete", "a few", "many"])
def test_the_drawing_shows_each_developer_and_each_pair_of_the_maximal_core(graph: nx.DiGraph) -> None:
    _, drawing = core_of(graph).axes
    inside = nx.k_core(graph)
    pairs = nx.Graph(inside)
    n_both = inside.number_of_edges() - pairs.number_of_edges()
    assert f"{len(inside):,} developers, {inside.number_of_edges():,} edges" in texts(drawing)
    assert len(spots(drawing)) == len(inside)
    n_one = pairs.number_of_edges() - n_both
    assert counted_lines(drawing) == {color: n for color, n in ((BOTH_WAYS, n_both), (ONE_WAY, n_one)) if n}
    assert key(drawing)[:2] == [f"both ways: {n_both:,} pairs", f"one way: {n_one:,} pairs"]
    # positions are distinct and inside the circle, and every line connects two of them
    assert pdist(spots(drawing)).min() > 0
    assert np.linalg.norm(spots(drawing), axis=1).max() == pytest.approx(1)
    ends = np.concatenate([np.asarray(segment) for segment in lines(drawing).get_segments()])
    assert {tuple(end) for end in ends} == {tuple(spot) for spot in spots(drawing)}


def test_lines_are_wider_for_larger_weights_and_connect_the_right_developers() -> None:
    """The circle starts at the top, here with developer 2, followed by 1 and 0."""
    graph = nx.DiGraph()
    graph.add_weighted_edges_from([(0, 1, 1), (1, 0, 1), (1, 2, 900), (2, 1, 100), (0, 2, 10), (2, 2, 5_000)])
    graph.add_weighted_edges_from([(2, 0, 30)])
    edges = edges_of(graph)
    graph.remove_edge(2, 2)
    _, drawing = core(edges, cores_of(graph)).axes
    assert "3 developers, 6 edges" in texts(drawing)
    two, one, zero = np.column_stack((np.sin([0, 2.0944, 4.1888]), np.cos([0, 2.0944, 4.1888])))
    drawn = [np.asarray(segment) for segment in lines(drawing).get_segments()]
    for segment, ends in zip(drawn, ((zero, one), (zero, two), (one, two)), strict=True):
        assert segment == pytest.approx(np.array(ends), abs=1e-3)
    least, middle, most = np.asarray(lines(drawing).get_linewidth())
    # of the weights 2, 40 and 1,000, the second is 48% of the way on a logarithmic scale
    assert (middle - least) / (most - least) == pytest.approx(np.log(20) / np.log(500))
    assert key(drawing)[2:] == ["weight 2", "weight 1,000"]


def test_edges_of_the_whole_network_give_the_same_drawing() -> None:
    everyone = edges_of(A_FEW)
    inside = edges_of(A_FEW.subgraph(nx.k_core(A_FEW)))
    assert len(inside) < len(everyone)
    assert svg(core(everyone, cores_of(A_FEW))) == svg(core(inside, cores_of(A_FEW)))


def test_components_of_a_core_are_placed_side_by_side() -> None:
    """With two complete components whose names alternate, no line crosses a line of the other component."""
    graph = nx.relabel_nodes(nx.complete_graph(5, nx.DiGraph), lambda one: 2 * one)
    graph.update(nx.relabel_nodes(nx.complete_graph(5, nx.DiGraph), lambda one: 2 * one + 1))
    _, drawing = core_of(weighted(graph)).axes
    angles = [np.arctan2(*np.asarray(segment).T) % (2 * np.pi) for segment in lines(drawing).get_segments()]
    halves = [set((np.rint(pair * 10 / 2 / np.pi) % 10 < 5).tolist()) for pair in angles]
    assert all(len(half) == 1 for half in halves)


def test_a_core_that_is_too_large_is_not_drawn() -> None:
    _, drawing = core_of(RING).axes
    assert texts(drawing) == ["maximal core, k = 2", "5,000 developers, 5,000 edges", "too many to draw"]
    assert not drawing.lines
    assert not drawing.collections


def test_a_core_is_not_drawn_without_its_implicit_edges() -> None:
    _, drawing = core(edges_of(COMPLETE), cores_of(COMPLETE), is_complete=False).axes
    assert texts(drawing) == ["maximal core, k = 26", "14 developers", "some edges are implicit"]
    assert not drawing.lines
    assert not drawing.collections


@pytest.mark.parametrize("n", [0, 1, 3])
def test_a_network_without_edges_has_no_core(n: int) -> None:
    figure = core_of(nx.empty_graph(n, nx.DiGraph))
    assert [texts(axes) for axes in figure.axes] == [["all cores", "no data"], ["maximal core", "no data"]]


def test_weights_may_be_fractional_and_equal() -> None:
    edges = edges_of(COMPLETE)
    shares = edges.set_column(2, "weight", pa.array([1 / 13] * len(edges)))
    _, drawing = core(shares, cores_of(COMPLETE)).axes
    assert key(drawing) == ["both ways: 91 pairs", "one way: 0 pairs", "weight 0.15"]
    assert len(np.unique(np.asarray(lines(drawing).get_linewidth()))) == 1


NOBODY, ONE, PAIR = (nx.empty_graph(n, nx.DiGraph) for n in (0, 1, 2))
PAIR.add_edge(0, 1, weight=75_653)
EVERY_SIZE = {"nobody": NOBODY, "one": ONE, "pair": PAIR, "complete": COMPLETE, "a few": A_FEW, "ring": RING}
HEAVY = np.minimum(np.random.default_rng(1).zipf(1.7, 5_000), 10**6)


@pytest.mark.parametrize("graph", EVERY_SIZE.values(), ids=EVERY_SIZE)
@pytest.mark.parametrize("draw", [core_of, lambda graph: centrality_distributions(centrality_of(graph))])
def test_networks_of_any_size_have_a_clean_layout(draw: Callable[[nx.DiGraph], Figure], graph: nx.DiGraph) -> None:
    assert_all_is_within(draw(graph))


@pytest.mark.parametrize("values", [[], [10**7], [999, 999, 1_000, 0]], ids=["none", "one", "wide"])
def test_usage_of_any_size_has_a_clean_layout(values: list[int]) -> None:
    everywhere = dict.fromkeys(NETWORKS, values)
    assert_all_is_within(usage_distributions(by_network("n_spaces", **everywhere), by_network("degree", **everywhere)))


def assert_all_is_within(figure: Figure) -> None:
    """Check the text layout, and that no tick label extends beyond the page."""
    assert_neat(figure)
    assert figure.get_figwidth() == 7
    for axes in figure.axes:
        low, high = axes.get_xlim()
        for label in axes.get_xticklabels() if axes.axison else ():
            if low <= label.get_position()[0] <= high:
                assert label.get_window_extent().x1 <= figure.bbox.x1


@pytest.mark.slow
@pytest.mark.parametrize(
    "draw",
    [
        lambda: core_of(COMPLETE),
        lambda: core_of(MANY),
        lambda: centrality_distributions(centrality_of(A_FEW)),
        lambda: co_usage(all=HEAVY.tolist()),
    ],
    ids=["circle", "springs", "centrality", "usage"],
)
def test_the_same_tables_give_identical_bytes(draw: Callable[[], Figure]) -> None:
    one, other = draw(), draw()
    assert png(one) == png(other)
    content = svg(one)
    assert content == svg(other)
    assert len(content) < 700_000


def test_row_order_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    edges, cores = edges_of(A_FEW), cores_of(A_FEW)
    shuffled = (table.take(rng.permutation(len(table))) for table in (edges, cores))
    assert svg(core(*shuffled)) == svg(core(edges, cores))


def test_no_file_contains_names_of_developers() -> None:
    figure = core_of(A_FEW)
    assert b"developer-" not in svg(figure)
    assert not any("developer-" in text for axes in figure.axes for text in texts(axes))


def test_usage_of_real_models(real_data: Path) -> None:
    """The values published with the data: mean 15.12, sd 80.1, median 2, max 2,014."""
    edges = pq.read_table(real_data / "usage" / "github_repo_uses_model.parquet")
    _, n_spaces = np.unique(edges["model_id"].to_numpy(), return_counts=True)
    axes = usage(all=n_spaces.tolist()).axes[0]
    assert texts(axes) == ["all models", "n = 1,512", "mean 15.12, median 2", "max 2,014, sd 80.13"]
