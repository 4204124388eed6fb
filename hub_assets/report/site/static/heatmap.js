// Organization HeatMap: one calendar per organization, for up to five organizations.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const { count, percent, make, number, form, table } = explore;
  const data = hub.data("heatmap");
  const DAY = 86400000;
  const ORIGIN = Date.UTC(2000, 0, 1);
  const dayOf = (iso) => Math.round((Date.parse(`${iso}T00:00:00Z`) - ORIGIN) / DAY);
  const isoOf = (day) => new Date(ORIGIN + day * DAY).toISOString().slice(0, 10);
  const weekday = (day) => (day + 5) % 7; // 2000-01-01 was a Saturday; Monday is 0
  const FLOOR = dayOf("2022-03-02");
  const lastDay = dayOf(data.week);

  const unpack = (steps = []) => {
    const days = new Map();
    let day = 0;
    for (let place = 0; place < steps.length; place += 2) {
      day += steps[place];
      days.set(day, steps[place + 1]);
    }
    return days;
  };
  const organizations = new Map();
  for (const each of data.organizations) {
    // if two organizations share a name, the first and more active one is kept
    if (!organizations.has(each.name.toLowerCase())) organizations.set(each.name.toLowerCase(), each);
  }
  const find = (name) => organizations.get(name.toLowerCase()) ?? organizations.get((data.namespaces[name.toLowerCase()] ?? "").toLowerCase());
  const daysOf = (organization, what) => {
    organization.unpacked ??= Object.fromEntries(["model", "dataset", "space", "commit"].map((type) => [type, unpack(organization.days[type])]));
    if (what !== "all") return organization.unpacked[what];
    const sum = new Map();
    for (const type of ["model", "dataset", "space"]) {
      for (const [day, n] of organization.unpacked[type]) sum.set(day, (sum.get(day) ?? 0) + n);
    }
    return sum;
  };

  const list = document.getElementById("organizations");
  list.append(...data.organizations.map((each) => make("option", { value: each.name })));
  list.append(...Object.entries(data.namespaces).map(([namespace, name]) => make("option", { value: namespace }, name)));
  const period = document.querySelector('#days-form [name="period"]');
  const first = Number(isoOf(FLOOR).slice(0, 4));
  for (let year = Number(data.week.slice(0, 4)); year >= first; year -= 1) period.append(make("option", { value: String(year) }, String(year)));

  const range = (chosen) => {
    if (chosen === "52") return [lastDay - weekday(lastDay) - 52 * 7 + 1, lastDay];
    return [dayOf(`${chosen}-01-01`), Math.min(dayOf(`${chosen}-12-31`), lastDay)];
  };
  const sumIn = (days, [from, to]) => {
    let [sum, active, busiest, most] = [0, 0, null, 0];
    for (const [day, n] of days) {
      if (day < from || day > to) continue;
      sum += n;
      active += 1;
      if (n > most) [busiest, most] = [day, n];
    }
    return { sum, active, busiest, most };
  };

  const CELL = 15;
  const calendar = (organization, days, [from, to], color, words) => {
    const start = from - weekday(from);
    const weeks = Math.floor((to - start) / 7) + 1;
    const values = [...days].filter(([day]) => day >= from && day <= to).map(([, n]) => n).sort((a, b) => a - b);
    // four steps at the quartiles of active days, so that one busy day does not make all others look pale
    const steps = [0.25, 0.5, 0.75].map((share) => values[Math.floor(share * (values.length - 1))] ?? 0);
    const svg = make("svg", { viewBox: `0 0 ${weeks * CELL + 40} ${7 * CELL + 24}`, role: "img", "aria-label": `${organization.name}: ${words} per day; the table below sums them up` });
    ["Mon", "Wed", "Fri"].forEach((name, place) => svg.append(make("text", { x: 0, y: 20 + (2 * place + 0.75) * CELL }, name)));
    let lastLabel = -4;
    for (let week = 0; week < weeks; week += 1) {
      const monday = start + week * 7;
      const date = new Date(ORIGIN + Math.max(monday, from) * DAY);
      if ((date.getUTCDate() <= 7 || (week === 0 && date.getUTCDate() <= 14)) && week - lastLabel >= 3 && week <= weeks - 2) {
        svg.append(make("text", { x: 32 + week * CELL, y: 12 }, date.toLocaleDateString("en-US", { month: "short", timeZone: "UTC" })));
        lastLabel = week;
      }
      for (let row = 0; row < 7; row += 1) {
        const day = monday + row;
        if (day < from || day > to) continue;
        const n = days.get(day) ?? 0;
        const level = n ? 25 + 25 * steps.filter((step) => n > step).length : 0;
        svg.append(make("rect", {
          x: 32 + week * CELL, y: 18 + row * CELL, width: CELL - 2, height: CELL - 2, rx: 2, "data-day": isoOf(day), "data-n": n,
          style: `fill: color-mix(in srgb, var(--${color}) ${level}%, var(--raised)); stroke: var(--line); stroke-width: .5`,
        }, make("title", {}, `${isoOf(day)}${day === FLOOR ? " or earlier" : ""}: ${count(n)} ${words}`)));
      }
    }
    return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Calendar of ${organization.name}` }, svg);
  };

  const WORDS = { all: "repositories created", model: "models created", dataset: "datasets created", space: "Spaces created", commit: "commits" };
  const COLORS = { all: "model", model: "model", dataset: "dataset", space: "space", commit: "accent" };
  const ranks = new Map();
  const rankOf = (organization, what, chosen) => {
    const key = `${what} ${chosen}`;
    if (!ranks.has(key)) ranks.set(key, data.organizations.map((each) => sumIn(daysOf(each, what), range(chosen)).sum).sort((a, b) => b - a));
    return ranks.get(key).indexOf(sumIn(daysOf(organization, what), range(chosen)).sum) + 1;
  };

  // ---- organizations that are not on the page but that a server knows
  const unknown = new Set();
  const fetched = async (name) => {
    try {
      const answer = await hub.ask("organizations/days", { name });
      const days = Object.fromEntries(["model", "dataset", "space", "commit"].map((type) => [type, new Map()]));
      for (const { date, repo_type: type, n_created: created, n_commits: commits } of answer.results) {
        const day = dayOf(date);
        if (created) days[type].set(day, created);
        if (commits) days.commit.set(day, (days.commit.get(day) ?? 0) + commits);
      }
      const known = { name: answer.organization, kind: answer.kind, country: answer.country, n_repos: answer.n_repos, share_known: answer.share_known, unpacked: days };
      data.organizations.push(known);
      ranks.clear();
      if (!organizations.has(known.name.toLowerCase())) organizations.set(known.name.toLowerCase(), known);
      organizations.set(name.toLowerCase(), organizations.get(known.name.toLowerCase()));
    } catch { unknown.add(name); }
  };
  let newest = 0;

  const render = async (values) => {
    newest += 1;
    const turn = newest;
    const toAsk = hub.isServed ? [1, 2, 3, 4, 5].map((place) => values[`o${place}`]).filter((name) => name && !find(name) && !unknown.has(name)) : [];
    if (toAsk.length) {
      document.getElementById("days-status").textContent = "Asking the server …";
      await Promise.all([...new Set(toAsk)].map(fetched));
      if (turn !== newest) return;
    }
    show(values);
  };

  const show = (values) => {
    const asked = [1, 2, 3, 4, 5].map((place) => values[`o${place}`]).filter(Boolean);
    const missing = asked.filter((name) => !find(name));
    let chosen = [...new Set(asked.map(find).filter(Boolean))];
    if (!asked.length) chosen = data.organizations.slice(0, 3);
    const span = range(values.period);
    const words = WORDS[values.what];
    document.getElementById("days-status").textContent = [
      asked.length ? "" : `The ${chosen.length} most active organizations; type a name to choose others.`,
      missing.length ? `Not among the ${hub.isServed ? "organizations of this week" : `${count(data.organizations.length)} organizations of this page`}: ${missing.join(", ")}.` : "",
    ].filter(Boolean).join(" ");
    const facts = chosen.map((organization) => {
      const days = daysOf(organization, values.what);
      return { organization, days, ...sumIn(days, span), rank: rankOf(organization, values.what, values.period) };
    });
    const coverage = ({ share_known: share }) => (values.what === "commit" ? ` Histories known for ${percent(share)} of its repositories.` : "");
    document.getElementById("days-plots").replaceChildren(...facts.map(({ organization, days, sum, rank }) => make("section", { class: "calendar" },
      make("h2", {}, make("bdi", {}, organization.name)),
      make("p", { class: "small" }, `${count(sum)} ${words} from ${isoOf(span[0])} to ${isoOf(span[1])}; rank ${count(rank)} of ${count(data.organizations.length)} on this page.${coverage(organization)} Followers: not collected.`),
      calendar(organization, days, span, COLORS[values.what], words))));
    table(document.getElementById("days-table"),
      [["Organization"], ["Kind"], ["Country"], [words[0].toUpperCase() + words.slice(1), true], ["Active days", true], ["Busiest day"], ["On that day", true], ["Rank", true], ["Histories known", true]],
      facts.map(({ organization, sum, active, busiest, most, rank }) => [
        make("bdi", {}, organization.name), organization.kind, organization.country ?? "unknown", number(sum, count(sum), "sum"),
        number(active, count(active), "active"), busiest === null ? "none" : isoOf(busiest), number(most, count(most), "most"),
        number(rank, count(rank), "rank"), number(organization.share_known, percent(organization.share_known), "share_known"),
      ]));
  };
  const control = form("days", document.getElementById("days-form"), render);
  document.querySelectorAll("[data-add]").forEach((button) => button.addEventListener("click", () => {
    const inputs = [1, 2, 3, 4, 5].map((place) => document.querySelector(`#days-form [name="o${place}"]`));
    const free = inputs.find((input) => !input.value) ?? inputs[4];
    control.set({ [free.name]: button.textContent.trim() });
    document.getElementById("days-form").scrollIntoView();
  }));
});
