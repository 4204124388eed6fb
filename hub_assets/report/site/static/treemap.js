// ModelVerse and DataVerse: a squarified treemap (Bruls, Huizing and van Wijk 2000) of organizations and repositories.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const { count, percent, make, number, form, table, gini } = explore;
  const data = hub.data(document.body.dataset.page);
  const plot = document.getElementById("map-plot");
  const organizations = data.organization.names;
  const kinds = data.filters.kind;
  const KINDS = ["company", "university", "research institute", "non-profit", "government", "community", "individual", "unknown"];
  const LARGEST = 40; // maximum number of repositories drawn per organization; the others share one rectangle

  // ---- the choices of each filter, with the number of repositories
  for (const [name, filter] of Object.entries(data.filters)) {
    const select = document.querySelector(`select[data-filter="${name}"]`);
    const times = new Array(filter.names.length).fill(0);
    for (const of of filter.of) for (const each of [of].flat()) if (each >= 0) times[each] += 1;
    const ordered = filter.order ? filter.order.filter((each) => filter.names.includes(each)) : filter.names;
    if (filter.any) select.append(make("option", { value: "*" }, filter.any));
    select.append(...ordered.map((each) => make("option", { value: `=${each}` }, `${each} (${count(times[filter.names.indexOf(each)])})`)));
    if (!filter.order && filter.of.some((of) => [of].flat().every((each) => each < 0))) {
      select.append(make("option", { value: "-" }, "none or unknown"));
    }
  }
  document.getElementById("organizations").append(...organizations.slice(0, 2000).map((name) => make("option", { value: name })));

  const select = (values) => {
    const tests = Object.entries(data.filters).filter(([name]) => values[name]).map(([name, filter]) => {
      const wanted = values[name];
      if (wanted === "*") return (row) => filter.of[row] >= 0;
      if (wanted === "-") return (row) => [filter.of[row]].flat().every((each) => each < 0);
      const place = filter.names.indexOf(wanted.slice(1));
      return Array.isArray(filter.of[0]) ? (row) => filter.of[row].includes(place) : (row) => filter.of[row] === place;
    });
    const skipped = new Set(values.skip.split(",").map((each) => each.trim().toLowerCase()).filter(Boolean));
    const only = values.org.toLowerCase();
    const isWanted = organizations.map((name) => !skipped.has(name.toLowerCase()) && (!only || name.toLowerCase() === only));
    const rows = [];
    for (let row = 0; row < data.ids.length; row += 1) {
      if (!isWanted[data.organization.of[row]]) continue;
      if (values.from && !(data.created[row] >= values.from)) continue;
      if (values.to && !(data.created[row] !== null && data.created[row] <= values.to)) continue;
      if (tests.every((test) => test(row))) rows.push(row);
    }
    return rows;
  };

  const byOrganization = (rows, measured) => {
    const groups = new Map();
    for (const row of rows) {
      const of = data.organization.of[row];
      const value = measured[row] ?? 0;
      const group = groups.get(of) ?? { name: organizations[of], kind: kinds.names[kinds.of[row]], country: data.filters.country.names[data.filters.country.of[row]], sum: 0, rows: [] };
      group.sum += value;
      group.rows.push(row);
      groups.set(of, group);
    }
    return [...groups.values()].filter((group) => group.sum > 0).sort((a, b) => b.sum - a.sum || (a.name < b.name ? -1 : 1));
  };
  const hhi = (groups, total) => groups.reduce((sum, group) => sum + (group.sum / total) ** 2, 0);
  const topOf = (values) => Math.min(Math.max(Math.round(Number(values.top)) || 20, 5), 50);
  const drawn = (values) => (values.org ? 400 : LARGEST);

  /** The result of a selection among the repositories on this page. */
  const onPage = (values) => {
    const measured = data.values[values.measure];
    const rows = select(values);
    const groups = byOrganization(rows, measured);
    const total = groups.reduce((sum, group) => sum + group.sum, 0);
    return {
      nSelected: rows.length, nKnown: rows.filter((row) => measured[row] !== null).length, total, all: data.totals[values.measure],
      gini: gini(rows.map((row) => measured[row] ?? 0)), hhi: hhi(groups, total), nOrganizations: groups.length,
      shown: groups.slice(0, topOf(values)).map(({ rows: own, ...group }) => {
        const ordered = own.filter((row) => measured[row] > 0).sort((x, y) => measured[y] - measured[x]);
        return { ...group, n: own.length, nWithValue: ordered.length, largest: ordered.slice(0, drawn(values)).map((row) => ({ id: data.ids[row], value: measured[row] })) };
      }),
    };
  };
  /** The path, the parameters and the result of a selection among all listed repositories. */
  const path = `map/${data.noun}`;
  const asked = (values) => {
    const { scale, ...given } = values;
    for (const name of Object.keys(data.filters)) given[name] = { "*": "(any)", "-": "(none)" }[given[name]] ?? given[name].slice(1);
    return { ...given, top: topOf(values) };
  };
  const onServer = async (values, signal) => {
    const answer = await hub.ask(path, asked(values), signal);
    return {
      nSelected: answer.n_selected, nKnown: answer.n_known, total: answer.total, all: answer.total_of_all_listed,
      gini: answer.gini ?? NaN, hhi: answer.hhi ?? 0, nOrganizations: answer.n_organizations,
      shown: answer.results.map((group) => ({
        name: group.organization, kind: group.kind, country: group.country, sum: group.total, n: group.n_repos, nWithValue: group.n_with_value,
        largest: group.largest.map(({ repo_id: id, value }) => ({ id, value })),
      })),
    };
  };

  // ---- layout
  const squarify = (items, box) => {
    const total = items.reduce((sum, item) => sum + item.area, 0);
    const placed = [];
    let { x, y, width, height } = box;
    const scale = (width * height) / total;
    let row = [];
    const worst = (areas, side) => {
      const sum = areas.reduce((a, b) => a + b, 0);
      return Math.max(...areas.map((area) => Math.max((side * side * area) / (sum * sum), (sum * sum) / (side * side * area))));
    };
    const flush = () => {
      const sum = row.reduce((a, item) => a + item.area * scale, 0);
      const isWide = width >= height;
      const thickness = sum / (isWide ? height : width);
      let offset = 0;
      for (const item of row) {
        const length = (item.area * scale) / thickness;
        placed.push({ item, x: isWide ? x : x + offset, y: isWide ? y + offset : y, width: isWide ? thickness : length, height: isWide ? length : thickness });
        offset += length;
      }
      if (isWide) { x += thickness; width -= thickness; } else { y += thickness; height -= thickness; }
      row = [];
    };
    for (const item of items) {
      const side = Math.min(width, height);
      const areas = row.map((each) => each.area * scale);
      if (row.length && worst([...areas, item.area * scale], side) > worst(areas, side)) flush();
      row.push(item);
    }
    if (row.length) flush();
    return placed;
  };

  const context = document.createElement("canvas").getContext("2d");
  /** A string split into lines that fit a box, broken after spaces, hyphens, underscores and dots; null if it cannot fit. */
  const lines = (text, font, width, height, lineHeight) => {
    context.font = font;
    const made = [""];
    for (const part of text.match(/[^\s\-_.]*[\s\-_.]*/g).filter(Boolean)) {
      const longer = made[made.length - 1] + part;
      if (context.measureText(longer.trimEnd()).width <= width) made[made.length - 1] = longer;
      else if (context.measureText(part.trimEnd()).width <= width) made.push(part);
      else return null;
    }
    const whole = made.filter(Boolean);
    return whole.length * lineHeight <= height ? whole : null;
  };
  const label = (made, x, y, lineHeight, attributes = {}) =>
    made.map((line, place) => make("text", { x, y: y + place * lineHeight, ...attributes }, line));

  const draw = (groups, scaled, isZoomed, control) => {
    const width = plot.clientWidth;
    const height = plot.clientHeight;
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    const family = getComputedStyle(document.body).fontFamily;
    const items = groups.map((group) => ({ area: scaled(group.sum), group }));
    for (const { item: { group }, ...box } of items.length ? squarify(items, { x: 0, y: 0, width, height }) : []) {
      const color = `var(--category-${Math.max(KINDS.indexOf(group.kind), 0) + 1})`;
      const fill = (share) => `fill: color-mix(in srgb, ${color} ${share}%, var(--surface)); stroke: ${color}`;
      const element = make("g", { class: "group", click: () => control().set({ org: isZoomed ? "" : group.name }) });
      element.append(make("title", {}, `${group.name}: ${count(group.sum)}`));
      element.append(make("rect", { ...inset(box, 1), rx: 3, style: fill(14), "stroke-width": 1.5, "data-organization": group.name }));
      const name = lines(group.name, `600 13px ${family}`, box.width - 14, Math.min(box.height / 2, 54), 16) ?? [];
      element.append(...label(name, box.x + 7, box.y + 17, 16, { class: "organization" }));
      const header = name.length ? 7 + 16 * name.length : 4;
      const inner = { x: box.x + 4, y: box.y + header, width: box.width - 8, height: box.height - header - 4 };
      if (inner.width > 16 && inner.height > 16) {
        const cells = group.largest.map((repository) => ({ area: scaled(repository.value), ...repository }));
        const nOthers = group.nWithValue - cells.length;
        const others = group.sum - cells.reduce((sum, repository) => sum + repository.value, 0);
        if (nOthers > 0) cells.push({ area: scaled(others), value: others, others: `${count(nOthers)} more` });
        for (const { item, ...cell } of squarify(cells.sort((a, b) => b.area - a.area), inner)) {
          const short = item.others ?? item.id.split("/").slice(-1)[0];
          const value = item.value;
          const full = item.others ?? item.id;
          element.append(make("g", {},
            make("title", {}, `${full}: ${count(value)}`),
            make("rect", { ...inset(cell, 0.75), rx: 2, style: fill(28), "stroke-width": 0.5, "data-repository": full }),
            ...label(lines(short, `12px ${family}`, cell.width - 10, cell.height - 6, 14) ?? [], cell.x + 5, cell.y + 15, 14)));
        }
      }
      svg.append(element);
    }
    plot.replaceChildren(svg);
  };
  const inset = (box, by) => ({ x: box.x + by, y: box.y + by, width: Math.max(box.width - 2 * by, 0.5), height: Math.max(box.height - 2 * by, 0.5) });

  let redraw = () => {};
  let running = new AbortController();
  const render = async (values) => {
    running.abort();
    running = new AbortController();
    const { signal } = running;
    const status = document.getElementById("map-status");
    try {
      if (!hub.isServed) show(values, onPage(values));
      else {
        status.textContent = "Asking the server …";
        const found = await onServer(values, signal);
        if (!signal.aborted) show(values, found);
      }
    } catch (error) {
      if (!signal.aborted) status.textContent = error.message;
    }
  };

  const show = (values, { nSelected, nKnown, total, all, gini: unequal, hhi: concentrated, nOrganizations, shown }) => {
    const nShown = shown.reduce((sum, group) => sum + group.n, 0);
    const scaled = { linear: (value) => value, sqrt: Math.sqrt, log: (value) => Math.log1p(value) }[values.scale];
    redraw = () => draw(shown, scaled, values.org !== "", () => control);
    redraw();

    const status = document.getElementById("map-status");
    const among = hub.isServed ? `, among all listed ${data.noun}` : "";
    if (shown.length) status.textContent = `${count(nShown)} of ${count(nSelected)} selected ${data.noun}, ${count(shown.length)} of ${count(nOrganizations)} organizations${among}`;
    else status.textContent = nSelected ? `None of the ${count(nSelected)} selected ${data.noun} has a value above 0 for this measure.` : `No ${data.noun} ${hub.isServed ? "of this week" : "on this page"} match the selection.`;
    const used = KINDS.filter((kind) => shown.some((group) => group.kind === kind));
    document.getElementById("map-legend").replaceChildren(...used.map((kind) => {
      const color = `var(--category-${KINDS.indexOf(kind) + 1})`;
      return make("li", {}, make("span", { class: "swatch", style: `border-color: ${color}; background: color-mix(in srgb, ${color} 28%, var(--surface))` }), kind);
    }));
    const facts = [
      ["Repositories selected", number(nSelected, count(nSelected), "n_selected")],
      ["of these in the map", number(nShown, count(nShown), "n_shown")],
      [`${data.measures[values.measure]}, selection`, number(total, count(total), "total")],
      [`Share of all listed ${data.noun}`, number(total / all, percent(total / all), "share_of_all")],
      ["Value known for", number(nKnown, `${count(nKnown)} of ${count(nSelected)}`, "n_known")],
      [`Gini coefficient of ${data.noun}`, number(unequal, total ? unequal.toFixed(3) : "undefined", "gini")],
      ["HHI of organizations", number(concentrated, total ? concentrated.toFixed(4) : "undefined", "hhi")],
      ...shown.slice(0, 5).map((group, place) => [`${place + 1}. ${group.name}`, number(group.sum / total, percent(group.sum / total), `share_${place + 1}`)]),
    ];
    document.getElementById("map-numbers").replaceChildren(...facts.map(([term, value]) => make("div", {}, make("dt", {}, make("bdi", {}, term)), make("dd", {}, value))));
    table(document.getElementById("map-table"),
      [["Organization"], ["Kind"], ["Country"], [`Selected ${data.noun}`, true], [data.measures[values.measure], true], ["Share of selection", true]],
      shown.map((group) => [
        make("button", { type: "button", class: "name", click: () => control.set({ org: values.org ? "" : group.name }) }, make("bdi", {}, group.name)),
        group.kind, group.country ?? "unknown", number(group.n, count(group.n), "n"),
        number(group.sum, count(group.sum), "sum"), number(group.sum / total, percent(group.sum / total), "share"),
      ]));
    explore.downloads(document.getElementById("map-table"), path, asked(values));
  };

  const control = form("map", document.getElementById("map-form"), (values) => render(values));
  new ResizeObserver(() => redraw()).observe(plot);
});
