// Base Model Explorer: a model's ancestors and descendants as trees whose branches are created when they are opened.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const { count, percent, make, number, form, table } = explore;
  const data = hub.data("base-models");
  const LISTED = 4;
  const ROOT = 2;
  const CYCLE = 1;
  const BRANCH = 100; // number of children to create at once; the rest follow on demand
  const GROUPS = ["permissive", "restrictive", "other", "none", "unknown"];
  const NAMES = { finetune: "fine-tune" };
  const COLORS = { permissive: "license-permissive", restrictive: "license-restrictive", other: "category-4", none: "license-none", unknown: "quiet" };

  const children = data.ids.map(() => []);
  data.bases.forEach((bases, node) => bases.forEach(([base, ...relations]) => children[base].push([node, ...relations])));
  const places = new Map(data.ids.map((id, place) => [id.toLowerCase(), place]).reverse());
  const most = Math.max(1, ...data.n_downloads.map((n) => n ?? 0));
  const groupOf = (node) => data.group.names[data.group.of[node]];

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

  /** Entries of a tree; `next` returns a node's neighbors as [node, ...relations]. Opening an entry creates its branch. */
  const branch = (list, entries, next, path) => {
    const more = (from) => {
      list.append(...entries.slice(from, from + BRANCH).map(([node, ...relations]) => {
        const below = path.has(node) ? [] : next(node);
        if (!below.length) {
          const again = path.has(node) ? [make("span", { class: "tag" }, "again, a cycle")] : [];
          return make("li", {}, make("div", { class: "leaf" }, ...line(node, relations), ...again));
        }
        const inner = make("ul");
        const details = make("details", {
          toggle: () => { if (details.open && !inner.children.length) branch(inner, below, next, new Set([...path, node])); },
        }, make("summary", {}, ...line(node, relations)), inner);
        return make("li", {}, details);
      }));
      const left = entries.length - from - BRANCH;
      if (left > 0) {
        const button = make("button", { type: "button", class: "quiet", click: () => { item.remove(); more(from + BRANCH); } }, `${count(Math.min(left, BRANCH))} more of ${count(left)}`);
        const item = make("li", {}, button);
        list.append(item);
      }
    };
    list.replaceChildren();
    more(0);
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
      if (!wanted) status.textContent = "Roots with most downloads in their families; type part of an id to find others.";
      else status.textContent = found.length ? `${count(found.length)} models match` : "No model on this page matches. A model without a base and without descendants is in no family.";
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
    const nothing = (text) => make("li", {}, text);
    const ancestors = document.getElementById("family-ancestors");
    branch(ancestors, above(node), above, new Set([node]));
    if (!ancestors.children.length) ancestors.append(nothing(data.flags[node] & ROOT ? "None: this model is a root." : "None with this relation on this page."));
    const descendants = document.getElementById("family-descendants");
    branch(descendants, below(node), below, new Set([node]));
    if (!descendants.children.length) descendants.append(nothing(data.n_children[node] ? "None with this relation on this page." : "None: no listed model names it as a base."));
    const missing = data.n_children[node] - children[node].length;
    if (missing > 0) descendants.append(nothing(`${count(missing)} further direct derivatives with fewer downloads and descendants are not on this page.`));
  };

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
