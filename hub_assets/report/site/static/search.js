// Search: the server's results for a query, repositories similar to a given one, or (without either) trending ones.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const { count, make, number, form, table } = explore;
  if (!hub.isServed) return;
  document.getElementById("search-absent").hidden = true;
  document.getElementById("search").hidden = false;
  document.getElementById("search-notes").append(" ", make("a", { href: "api.html" }, "API endpoints"));

  const ONLY_MODELS = ["task", "library", "min_param_count", "max_param_count"];
  const ONLY_DOCUMENTS = ["language", "namespace", "has_card"];
  const PAUSE = 250; // milliseconds without typing before the server is queried
  const status = document.getElementById("search-status");

  /** The server's path and parameters for a selection. */
  const asked = ({ query, like, type, ...given }) => {
    const dropped = new Set(type === "models" ? [] : ONLY_MODELS);
    if (type === "spaces") dropped.add("min_downloads");
    const isSearch = query || like;
    if (!isSearch) ONLY_DOCUMENTS.forEach((name) => dropped.add(name));
    const kept = Object.fromEntries(Object.entries(given).filter(([name]) => !dropped.has(name)));
    if (type === "spaces" && kept.sort_by === "downloads") kept.sort_by = "likes";
    if (!isSearch && kept.sort_by === "similarity") kept.sort_by = "trending";
    if (like) return [`similarity/${type}`, { repo_id: like, ...kept }];
    return query ? [`search/${type}`, { query, ...kept }] : [`trending/${type}`, kept];
  };

  const known = (value, name) => (value === null || value === undefined ? make("span", { class: "unknown" }, "unknown") : number(value, count(value), name));
  const card = (row) => {
    if (row.has_card === undefined) return "";
    if (row.has_card === null) return make("span", { class: "unknown" }, "card not read");
    return row.has_card ? make("span", { class: "text" }, row.summary) : make("span", { class: "unknown" }, "no card");
  };
  const show = (values, path, given, answer) => {
    const isModels = values.type === "models";
    const columns = [["Repository"], ["Similarity", true], ["Likes", true], ["Downloads", true], ["Parameters", true], ["License group"], ["Card"], ["Similar"]];
    const isKept = columns.map(([name]) => (name === "Downloads" ? values.type !== "spaces" : name !== "Parameters" || isModels) && (name !== "Similarity" || !path.startsWith("trending")));
    const rows = answer.results.map((row) => [
      make("bdi", {}, row.id),
      row.similarity === undefined ? "" : number(row.similarity, row.similarity.toFixed(3), "similarity"),
      known(row.likes, "likes"), known(row.downloads, "downloads"), known(row.param_count, "param_count"), row.license_group, card(row),
      make("button", { type: "button", class: "name", "aria-label": `Similar to ${row.id}`, click: () => control.set({ query: "", like: row.id }) }, "similar"),
    ]);
    table(document.getElementById("search-table"), columns.filter((_, place) => isKept[place]), rows.map((row) => row.filter((_, place) => isKept[place])));
    const what = path.startsWith("trending") ? "No query: top repositories of the week" : path.startsWith("search") ? "Found" : "Similar";
    status.textContent = `${what}, ${count(rows.length)} ${rows.length === 1 ? "result" : "results"}`;
    explore.downloads(document.getElementById("search-table"), path, given);
  };

  let running = new AbortController();
  let timer;
  const render = (values) => {
    running.abort();
    clearTimeout(timer);
    running = new AbortController();
    const { signal } = running;
    timer = setTimeout(async () => {
      status.textContent = "Asking the server …";
      const [path, given] = asked(values);
      try {
        const answer = await hub.ask(path, given, signal);
        if (!signal.aborted) show(values, path, given, answer);
      } catch (error) {
        if (signal.aborted) return;
        show(values, path, given, { results: [] });
        status.textContent = error.message;
      }
    }, PAUSE);
  };
  const control = form("search", document.getElementById("search-form"), render);
});
