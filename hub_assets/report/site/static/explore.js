// Code that the explorers share: forms whose values are kept in the address, numbers, elements, and tables.
"use strict";

const explore = (() => {
  const counts = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
  const count = (value) => counts.format(value);
  const percent = (share) => {
    if (!Number.isFinite(share)) return "undefined";
    if (share > 0 && share < 0.0005) return share < 0.00005 ? "< 0.01%" : "< 0.1%";
    if (share >= 0.9995 && share < 1) return "> 99.9%";
    return share === 0 || share === 1 ? `${share * 100}%` : `${(share * 100).toFixed(1)}%`;
  };

  /** An element with attributes and children; strings become text nodes, whatever they contain. */
  const make = (name, attributes = {}, ...children) => {
    const svg = ["svg", "g", "rect", "text", "title", "circle"].includes(name);
    const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (typeof value === "function") element.addEventListener(key, value);
      else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  };
  /** A number in an element that also contains its exact value, for tests and readers. */
  const number = (value, shown, name) => make("data", { value: String(value), "data-number": name }, shown);

  /** Keep a form and the address in sync. `render` receives the address's values; defaults replace missing ones. */
  const form = (scope, element, render) => {
    const controls = [...element.elements].filter((each) => each.name);
    const values = () => Object.fromEntries(controls.map((each) => [each.name, each.value.trim()]));
    const defaults = values();
    let last = null;
    const show = (now) => {
      // leaving a field whose change was already applied must not render again, which would close a tree's branches
      if (JSON.stringify(now) === last) return;
      last = JSON.stringify(now);
      render(now);
    };
    const write = (replace) => {
      const now = values();
      const changed = Object.entries(now).filter(([name, value]) => value !== defaults[name]);
      hub.state.write(scope, Object.fromEntries(changed), { replace });
      show(now);
    };
    element.addEventListener("change", () => write(false));
    // typing in a search box takes effect at once, but Back does not step through the letters
    element.addEventListener("input", (event) => { if (event.target.type === "search") write(true); });
    element.addEventListener("reset", (event) => {
      event.preventDefault();
      for (const each of controls) each.value = defaults[each.name];
      write(false);
    });
    element.addEventListener("submit", (event) => event.preventDefault());
    hub.state.watch(scope, (given) => {
      for (const each of controls) {
        each.value = given[each.name] ?? defaults[each.name];
        // a value that no longer exists leaves a select without a choice
        if (each.tagName === "SELECT" && each.selectedIndex < 0) each.value = defaults[each.name];
      }
      show(values());
    });
    return {
      set(changes) {
        for (const [name, value] of Object.entries(changes)) element.elements[name].value = value;
        write(false);
      },
    };
  };

  /** Fill a table: `columns` are [label, isNumber], `rows` hold nodes or text. */
  const table = (element, columns, rows) => {
    element.tHead.replaceChildren(make("tr", {}, ...columns.map(([label, isNumber]) =>
      make("th", { scope: "col", class: isNumber && "number" }, label))));
    element.tBodies[0].replaceChildren(...rows.map((row) => make("tr", {}, ...row.map((cell, place) => (place === 0
      ? make("th", { scope: "row" }, cell)
      : make("td", { class: columns[place][1] && "number" }, cell))))));
  };

  /** Add links below a table that download its content as files; only a server can create these. */
  const downloads = (shown, path, values) => {
    if (!hub.isServed) return;
    const region = shown.closest(".scroll");
    if (!region.nextElementSibling?.matches(".downloads")) region.after(make("p", { class: "small downloads" }));
    const given = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
    const links = ["csv", "parquet", "json"].map((format) =>
      make("a", { href: `${path}?${new URLSearchParams([...given, ["format", format]])}` }, format === "parquet" ? "Parquet" : format.toUpperCase()));
    region.nextElementSibling.replaceChildren("As ", links[0], ", ", links[1], " or ", links[2]);
  };

  /** The Gini coefficient of nonnegative values; NaN if none of them is above 0. */
  const gini = (values) => {
    const sorted = Float64Array.from(values).sort();
    let weighted = 0;
    let sum = 0;
    sorted.forEach((value, place) => { weighted += (place + 1) * value; sum += value; });
    return (2 * weighted) / (sorted.length * sum) - (sorted.length + 1) / sorted.length;
  };

  return { count, percent, make, number, form, table, downloads, gini };
})();
