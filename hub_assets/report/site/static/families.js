// Base Model Explorer: a model's ancestors and descendants as trees whose branches are created when they are opened.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const { count, percent, make, number, form, table } = explore;
  const data = hub.data("base-models");
  const LISTED = 4;
  const ROOT = 2;
  const CYCLE = 1;
  const BRANCH = 100; // number of children to create at a time; the rest are created on demand
  const GROUPS = ["permissive", "restrictive", "other", "none", "unknown"];
  const NAMES = { finetune: "fine-tune" };
  const COLORS = { permissive: "license-permissive", restrictive: "license-restrictive", other: "category-4", none: "license-none", unknown: "quiet" };

  const children = data.ids.map(() => []);
  data.bases.forEach((bases, node) => bases.forEach(([base, ...relations]) => children[base].push([node, ...relations])));
  const places = new Map(data.ids.map((id, place) => [id.toLowerCase(), place]).reverse());
  const most = Math.max(1, ...data.n_downloads.map((n) => n ?? 0));
  const groupOf = (node) => data.group.names[data.group.of[node]];

  // ---- models that are not on the page but that a server knows
  const isComplete = { below: new Set(), above: new Set(data.ids.keys()) }; // models whose neighbors are all loaded
  const nAsked = { below: new Map(), above: new Map() };
  const ADDRESSES = { below: "families/derivatives", above: "families/bases" };
  const placeIn = (names, name) => {
    if (name === null) return -1;
    const known = names.indexOf(name);
    return known < 0 ? names.push(name) - 1 : known;
  };
  const add = (model) => {
    const known = places.get(model.repo_id.toLowerCase());
    if (known !== undefined) return known;
    const place = data.ids.push(model.repo_id) - 1;
    places.set(model.repo_id.toLowerCase(), place);
    data.flags.push(LISTED * model.is_listed + ROOT * model.is_root + CYCLE * model.is_in_cycle);
    data.license.of.push(placeIn(data.license.names, model.license));
    data.group.of.push(placeIn(data.group.names, model.license_group));
    for (const name of ["depth", "n_roots", "n_children", "n_descendants", "n_downloads", "n_downloads_descendants"]) data[name].push(model[name]);
    data.bases.push([]);
    children.push([]);
    return place;
  };
  const link = (node, base, relations) => {
    if (data.bases[node].every(([known]) => known !== base)) data.bases[node].push([base, ...relations]);
    if (children[base].every(([known]) => known !== node)) children[base].push([node, ...relations]);
  };
  /** Whether the server may know neighbors of a model that are not loaded yet. */
  const isMore = (node, way) => hub.isServed && !isComplete[way].has(node) && (way === "above" || children[node].length < data.n_children[node]);
  /** Fetch the next neighbors of a model and add them to the data. */
  const load = async (node, way) => {
    const offset = nAsked[way].get(node) ?? 0;
    const { results } = await hub.ask(ADDRESSES[way], { repo_id: data.ids[node], k: BRANCH, offset });
    nAsked[way].set(node, offset + results.length);
    if (results.length < BRANCH) isComplete[way].add(node);
    for (const model of results) link(...(way === "above" ? [node, add(model)] : [add(model), node]), model.relations);
  };

  document.getElementById("family-legend").append(...GROUPS.map((group) => make("li", {}, dot(group, 7), group)));

  function dot(group, radius) {
    const svg = make("svg", { class: "dot", width: 26, height: 26, "aria-hidden": "true" });
    const fill = group === "unknown" || group === "none" ? "none" : `var(--${COLORS[group]})`;
    svg.append(make("circle", { cx: 13, cy: 13, r: radius, style: `fill: ${fill}; stroke: var(--${COLORS[group]}); stroke-width: 1.5` }));
    return svg;
  }

  const line = (node, relations) => {
    const downloads = data.n_downloads[node];
    const license = data.license.of[node] >= 0 ? data.license.names[data.license.of[node]] : null;
    return [
      dot(groupOf(node), 3 + 9 * Math.sqrt((downloads ?? 0) / most)),
      make("button", { type: "button", class: "name", click: (event) => { event.preventDefault(); control.set({ m: data.ids[node] }); } }, make("bdi", {}, data.ids[node])),
      ...relations.map((relation) => make("span", { class: "tag" }, NAMES[relation] ?? relation)),
      make("span", { class: "small" }, [
        license ?? (groupOf(node) === "none" ? "no license" : `license ${groupOf(node)}`),
        data.flags[node] & LISTED ? (downloads === null ? "downloads unknown" : `${count(downloads)} downloads`) : "not listed",
        data.n_descendants[node] ? `${count(data.n_children[node])} direct, ${count(data.n_descendants[node])} in all` : "",
      ].filter(Boolean).join(" · ")),
    ];
  };

  /**
   * Fill a list with a model's neighbors in one direction, which `next(node)` returns as [node, ...relations]. Opening
   * an entry creates its branch. Neighbors that only the server knows are fetched when a branch is created or extended.
   */
  const branch = async (list, of, next, way, path) => {
    const made = new Set();
    const turn = (list.turn ?? 0) + 1;
    list.turn = turn; // another model may be chosen before the server answers
    const entry = ([node, ...relations]) => {
      made.add(node);
      const isAgain = path.has(node);
      if (isAgain || (!next(node).length && !isMore(node, way))) {
        const again = isAgain ? [make("span", { class: "tag" }, "again, a cycle")] : [];
        return make("li", {}, make("div", { class: "leaf" }, ...line(node, relations), ...again));
      }
      const inner = make("ul");
      const details = make("details", {
        toggle: () => { if (details.open && !inner.children.length) branch(inner, node, next, way, new Set([...path, node])); },
      }, make("summary", {}, ...line(node, relations)), inner);
      return make("li", {}, details);
    };
    const more = async () => {
      let left = next(of).filter(([node]) => !made.has(node));
      while (!left.length && isMore(of, way)) {
        const waiting = make("li", {}, "Asking the server …");
        list.append(waiting);
        try {
          await load(of, way);
          waiting.remove();
        } catch (error) {
          isComplete[way].add(of);
          waiting.replaceChildren(error.message);
        }
        if (list.turn !== turn) return;
        left = next(of).filter(([node]) => !made.has(node));
      }
      list.append(...left.slice(0, BRANCH).map(entry));
      const nLeft = left.length - BRANCH;
      if (nLeft <= 0 && !isMore(of, way)) return;
      const label = nLeft > 0 ? `${count(Math.min(nLeft, BRANCH))} more of ${count(nLeft)}` : "more";
      const button = make("button", { type: "button", class: "quiet", click: () => { item.remove(); more(); } }, label);
      const item = make("li", {}, button);
      list.append(item);
    };
    list.replaceChildren();
    await more();
    return list.turn === turn;
  };

  const PAUSE = 250; // milliseconds without typing before the server is queried
  const asked = new Set();
  let timer;
  /** Search the ids of all models in families on the server, and render again if this finds further models. */
  const findOnServer = (values) => {
    clearTimeout(timer);
    const wanted = values.m.toLowerCase();
    if (asked.has(wanted)) return;
    timer = setTimeout(async () => {
      asked.add(wanted);
      const before = data.ids.length;
      try {
        const { results } = await hub.ask("families", { query: wanted, k: 20 });
        results.forEach(add);
      } catch (error) { document.getElementById("family-status").textContent = error.message; }
      if (data.ids.length > before && document.querySelector('#family-form [name="m"]').value.trim().toLowerCase() === wanted) render(values);
    }, PAUSE);
  };

  const byWeight = (a, b) => (data.n_downloads[b[0]] ?? 0) + data.n_downloads_descendants[b[0]] - (data.n_downloads[a[0]] ?? 0) - data.n_downloads_descendants[a[0]] || a[0] - b[0];
  const render = (values) => {
    const status = document.getElementById("family-status");
    const suggestions = document.getElementById("family-suggestions");
    const section = document.getElementById("family");
    const wanted = values.m.toLowerCase();
    const node = places.get(wanted);
    section.hidden = node === undefined;
    suggestions.replaceChildren();
    drift(values.relation);
    if (node === undefined) {
      const found = data.ids.map((id, place) => place).filter((place) => data.ids[place].toLowerCase().includes(wanted));
      const start = wanted ? found : found.filter((place) => data.flags[place] & ROOT);
      if (wanted && hub.isServed) findOnServer(values);
      if (!wanted) status.textContent = "Roots with the most downloads in their families; type part of an id to find other models.";
      else status.textContent = found.length ? `${count(found.length)} models match` : `No model${onPage} matches. A model without a base and without descendants is in no family.`;
      suggestions.append(...start.slice(0, 20).map((place) => make("li", {}, make("div", { class: "leaf" }, ...line(place, [])))));
      return;
    }
    const isShown = ([, ...relations]) => !values.relation || relations.includes(values.relation);
    const below = (place) => children[place].filter(isShown).sort(byWeight);
    const above = (place) => data.bases[place].filter(isShown);
    status.textContent = "";
    document.getElementById("family-name").replaceChildren(make("bdi", {}, data.ids[node]));
    const facts = [
      ["Place", [data.flags[node] & LISTED ? "" : "not listed", data.flags[node] & ROOT ? "root" : `generation ${data.depth[node]}`, data.flags[node] & CYCLE ? "in a cycle" : ""].filter(Boolean).join(", ")],
      ["Roots", number(data.n_roots[node], count(data.n_roots[node]), "n_roots")],
      ["Direct derivatives", number(data.n_children[node], count(data.n_children[node]), "n_children")],
      ["All descendants", number(data.n_descendants[node], count(data.n_descendants[node]), "n_descendants")],
      ["Downloads in 30 days", data.n_downloads[node] === null ? "unknown" : number(data.n_downloads[node], count(data.n_downloads[node]), "n_downloads")],
      ["Downloads of descendants", number(data.n_downloads_descendants[node], count(data.n_downloads_descendants[node]), "n_downloads_descendants")],
      ["License group", groupOf(node)],
    ];
    document.getElementById("family-numbers").replaceChildren(...facts.map(([term, value]) => make("div", {}, make("dt", {}, term), make("dd", {}, value))));
    const trees = [
      ["family-ancestors", above, "above", data.flags[node] & ROOT ? "None: this model is a root." : `None with this relation${onPage}.`],
      ["family-descendants", below, "below", data.n_children[node] ? `None with this relation${onPage}.` : "None: no listed model names it as a base."],
    ];
    trees.forEach(async ([id, next, way, none]) => {
      const list = document.getElementById(id);
      if (!(await branch(list, node, next, way, new Set([node])))) return;
      if (!list.children.length) list.append(make("li", {}, none));
      const missing = data.n_children[node] - children[node].length;
      if (way === "below" && missing > 0 && !hub.isServed) list.append(make("li", {}, `${count(missing)} further direct derivatives with fewer downloads and descendants are not on this page.`));
    });
  };
  const onPage = hub.isServed ? "" : " on this page";

  const drift = (relation) => {
    const rows = data.drift.filter((row) => !relation || row.relation === relation);
    const sum = (of) => of.reduce((total, row) => total + row.n_edges, 0);
    const total = sum(rows);
    table(document.getElementById("drift-matrix"), [["Base model"], ...GROUPS.map((group) => [group, true]), ["All", true]],
      [...GROUPS, "not listed"].map((base) => [base, ...GROUPS.map((group) => {
        const cell = rows.filter((row) => row.base_license_group === base && row.license_group === group);
        const n = sum(cell);
        const drifts = [...new Set(cell.map((row) => row.drift))].join(", ");
        return n ? make("span", { title: drifts }, number(n, `${count(n)} (${percent(n / total)})`, "n_edges"), make("span", { class: "then" }, drifts)) : "0";
      }), number(sum(rows.filter((row) => row.base_license_group === base)), count(sum(rows.filter((row) => row.base_license_group === base))), "n_all")]));
  };

  const control = form("family", document.getElementById("family-form"), render);
});
