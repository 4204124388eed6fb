// Code that every page needs: the theme, data, state in the address, and tables that can be sorted and filtered.
// No modules, and no requests unless `hub-assets serve` answers them, so that pages work from file://.
"use strict";

const hub = (() => {
  // ---- theme: the system's theme, unless the reader chose another
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const storage = {
    get(key) { try { return localStorage.getItem(key); } catch { return null; } },
    set(key, value) { try { localStorage.setItem(key, value); } catch { /* private windows may refuse */ } },
  };
  const themeListeners = [];
  const chosen = () => storage.get("hub-theme");
  const isDark = () => (chosen() ? chosen() === "dark" : dark.matches);
  const applyTheme = () => {
    root.style.colorScheme = chosen() ?? "";
    const button = document.getElementById("theme");
    if (button) {
      button.hidden = false;
      button.textContent = isDark() ? "Light theme" : "Dark theme";
    }
    themeListeners.forEach((listener) => listener());
  };
  applyTheme();
  dark.addEventListener("change", applyTheme);

  /** Value of a color variable of the style sheet, such as color("model"), resolved for the current theme. */
  const color = (name) => {
    const probe = document.createElement("span");
    probe.style.color = `var(--${name})`;
    document.body.append(probe);
    const value = getComputedStyle(probe).color;
    probe.remove();
    return value;
  };

  // ---- data: JSON scripts in the page, or files in data/ that were loaded as scripts
  const data = (name) => {
    const script = document.getElementById(name);
    if (script?.type === "application/json") return JSON.parse(script.textContent);
    return (window.hubData ?? {})[name];
  };

  let names;
  /** Display name of a variable, repository type, license group or network. */
  const name = (key) => (names ??= data("names") ?? {})[key] ?? key;

  // ---- state in the address: #ANCHOR?SCOPE.KEY=VALUE&...; works from file://, where only the fragment may change
  const parse = () => {
    const fragment = location.hash.slice(1);
    const cut = fragment.indexOf("?");
    const anchor = decodeURIComponent(cut < 0 ? fragment : fragment.slice(0, cut));
    return { anchor, params: new URLSearchParams(cut < 0 ? "" : fragment.slice(cut + 1)) };
  };
  const watchers = new Map();
  const state = {
    /** Values of a scope as an object of strings. */
    read(scope) {
      const own = {};
      for (const [key, value] of parse().params) {
        if (key.startsWith(`${scope}.`)) own[key.slice(scope.length + 1)] = value;
      }
      return own;
    },
    /** Replace a scope's values; null, undefined and "" are left out. With { replace: true }, Back skips this step. */
    write(scope, values, { replace = false, anchor = null } = {}) {
      const now = parse();
      for (const key of [...now.params.keys()]) if (key.startsWith(`${scope}.`)) now.params.delete(key);
      for (const [key, value] of Object.entries(values)) {
        if (value !== null && value !== undefined && value !== "") now.params.set(`${scope}.${key}`, value);
      }
      const query = now.params.toString();
      const target = `#${encodeURIComponent(anchor ?? now.anchor)}${query ? `?${query}` : ""}`;
      if (target === location.hash || (target === "#" && !location.hash)) return;
      history[replace ? "replaceState" : "pushState"](null, "", target);
    },
    /** Call a function with a scope's values now, and whenever Back, Forward or a link changes the address. */
    watch(scope, callback) {
      watchers.set(scope, callback);
      callback(state.read(scope));
    },
  };
  const follow = () => {
    watchers.forEach((callback, scope) => callback(state.read(scope)));
    const { anchor } = parse();
    const target = anchor && document.getElementById(anchor);
    if (!target) return;
    for (let outer = target.closest("details"); outer; outer = outer.parentElement?.closest("details")) outer.open = true;
    if (location.hash.includes("?")) target.scrollIntoView();
  };
  addEventListener("popstate", follow);
  addEventListener("hashchange", follow);

  // ---- tables: sort by a column, keep the rows that contain the filter text
  const cellKey = (cell) => {
    const marked = cell.querySelector("data");
    const value = marked ? marked.value : cell.textContent.trim();
    const number = Number(value);
    return value !== "" && Number.isFinite(number) ? number : value;
  };
  // numbers first, then text; unknown values come last in both directions
  const compare = (a, b, sign) => {
    const isUnknown = (key) => key === "" || key === "unknown";
    if (isUnknown(a) || isUnknown(b)) return isUnknown(a) - isUnknown(b);
    if (typeof a === "number" && typeof b === "number") return sign * (a - b);
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
    return sign * a.localeCompare(b, "en");
  };
  const enhanceTable = (table) => {
    const body = table.tBodies[0];
    const original = [...body.rows];
    const headers = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
    const filter = document.querySelector(`input[data-filter-for="${table.id}"]`);
    const count = document.querySelector(`output[for="${filter?.id}"]`);
    const show = ({ sort, filter: text = "" }) => {
      const [column, direction] = (sort ?? "").split("~");
      const index = headers.findIndex((header) => header.dataset.column === column);
      headers.forEach((header, i) => {
        if (!header.dataset.column) return;
        if (i === index) header.setAttribute("aria-sort", direction === "desc" ? "descending" : "ascending");
        else header.removeAttribute("aria-sort");
      });
      const rows = [...original];
      if (index >= 0) {
        const sign = direction === "desc" ? -1 : 1;
        const keys = new Map(rows.map((row) => [row, cellKey(row.cells[index])]));
        rows.sort((a, b) => compare(keys.get(a), keys.get(b), sign));
      }
      body.append(...rows);
      const needle = text.toLowerCase();
      let shown = 0;
      for (const row of original) {
        row.hidden = needle !== "" && !row.textContent.toLowerCase().includes(needle);
        shown += !row.hidden;
      }
      if (filter && filter.value !== text) filter.value = text;
      if (count) count.textContent = needle ? `${shown} of ${original.length} rows` : `${original.length} rows`;
    };
    for (const header of headers) {
      header.querySelector("button")?.addEventListener("click", () => {
        const now = state.read(table.id);
        const column = header.dataset.column;
        const first = header.classList.contains("number") ? "desc" : "asc";
        const direction = now.sort === `${column}~${first}` ? (first === "desc" ? "asc" : "desc") : first;
        const next = { ...now, sort: `${column}~${direction}` };
        state.write(table.id, next, { anchor: table.id });
        show(next);
      });
    }
    filter?.addEventListener("input", () => {
      const next = { ...state.read(table.id), filter: filter.value };
      state.write(table.id, next, { replace: true, anchor: table.id });
      show(next);
    });
    state.watch(table.id, show);
  };

  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme")?.addEventListener("click", () => {
      storage.set("hub-theme", isDark() ? "light" : "dark");
      applyTheme();
    });
    applyTheme();
    const menu = document.querySelector(".menu");
    const wide = matchMedia("(min-width: 60rem)");
    const fold = () => { if (menu) menu.open = wide.matches; };
    fold();
    wide.addEventListener("change", fold);
    document.querySelectorAll("table.data").forEach(enhanceTable);
    follow();
  });
  addEventListener("beforeprint", () => {
    document.querySelectorAll("main details").forEach((details) => { details.dataset.was = details.open; details.open = true; });
  });
  addEventListener("afterprint", () => {
    document.querySelectorAll("main details").forEach((details) => { details.open = details.dataset.was === "true"; });
  });

  // ---- the server, if there is one: see served.js
  /** The server's answer to a path and parameters without the empty ones. Throws the server's message if it refuses. */
  const ask = async (path, values, signal) => {
    const given = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
    const response = await fetch(`${path}?${new URLSearchParams(given)}`, { signal });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    return answer;
  };

  return { data, name, state, color, isDark, ask, isServed: false, onTheme: (listener) => themeListeners.push(listener) };
})();
