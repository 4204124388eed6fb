// Charts: ECharts with the SVG renderer, in the site's colors. A chart is a <figure class="chart" id="X"
// data-chart="KIND" data-source="JSON-SCRIPT"> with a <div class="plot"> in it; KIND is registered below, or by a page's
// own script with hub.charts.register(KIND, (data, theme, figure) => option). If the data is an array of rows, a control
// with a column's name selects the rows that the function receives and that the figure's table shows.
"use strict";

hub.charts = (() => {
  const kinds = new Map();
  const drawn = new Map();
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const PAGE_WIDTH = 680; // pixels, a little less than A4 without its margins
  let isPrinting = false;
  let shownScheme = "";

  const theme = () => {
    const names = ["ink", "quiet", "line", "surface", "raised", "accent", "model", "dataset", "space",
      "license-permissive", "license-restrictive", "license-none",
      ...Array.from({ length: 8 }, (_, i) => `category-${i + 1}`)];
    const colors = Object.fromEntries(names.map((name) => [name, hub.color(name)]));
    return { colors, isDark: hub.isDark() && !isPrinting, isNarrow: innerWidth < 640, font: getComputedStyle(document.body).fontFamily };
  };

  // options that all charts share; a chart's own options override them key by key
  const base = ({ colors, font }) => ({
    animation: !still.matches && !isPrinting,
    animationDuration: 300,
    textStyle: { fontFamily: font, color: colors.ink },
    color: Array.from({ length: 8 }, (_, i) => colors[`category-${i + 1}`]),
    tooltip: {
      confine: true,
      transitionDuration: 0,
      renderMode: "richText", // text is drawn, never parsed as markup
      backgroundColor: colors.raised,
      borderColor: colors.line,
      textStyle: { color: colors.ink, fontFamily: font, fontSize: 13 },
    },
  });

  /** An axis in the site's style; the given options override it. */
  const axis = ({ colors }, options = {}) => ({
    ...options,
    axisLine: { lineStyle: { color: colors.quiet }, ...options.axisLine },
    axisTick: { lineStyle: { color: colors.quiet }, ...options.axisTick },
    axisLabel: { color: colors.quiet, fontSize: 12, ...options.axisLabel },
    splitLine: { lineStyle: { color: colors.line }, ...options.splitLine },
    nameTextStyle: { color: colors.quiet, fontSize: 12, ...options.nameTextStyle },
  });

  const draw = (figure) => {
    const plot = figure.querySelector(".plot");
    const make = kinds.get(figure.dataset.chart);
    if (!plot || !make) return null;
    drawn.get(figure)?.dispose();
    plot.classList.add("is-drawn");
    const chart = echarts.init(plot, null, { renderer: "svg" });
    drawn.set(figure, chart);
    update(figure);
    return chart;
  };
  /** Return the rows that the figure's controls select, and hide all others in its table. */
  const selected = (figure) => {
    const data = hub.data(figure.dataset.source);
    if (!Array.isArray(data)) return data;
    const keys = [...figure.querySelectorAll(".tools select")].filter((control) => control.name in (data[0] ?? {}));
    const isChosen = (row) => keys.every((control) => String(row[control.name]) === control.value);
    const rows = figure.querySelectorAll("tbody tr[data-index]");
    for (const row of rows) row.classList.toggle("is-unselected", !isChosen(data[row.dataset.index]));
    return data.filter(isChosen);
  };
  const update = (figure) => {
    const data = selected(figure);
    const chart = drawn.get(figure);
    if (!chart) return;
    const now = theme();
    const option = kinds.get(figure.dataset.chart)(data, now, figure);
    const common = base(now);
    chart.setOption({ ...common, ...option, tooltip: { ...common.tooltip, ...option.tooltip } }, { notMerge: true });
    // screen readers treat the drawing as a single image, because the figure's caption and table contain everything
    figure.querySelector(".plot svg")?.setAttribute("aria-hidden", "true");
  };

  const start = () => {
    const figures = [...document.querySelectorAll("figure.chart")];
    const seen = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        seen.unobserve(target);
        draw(target);
      }
    }, { rootMargin: "400px" });
    figures.forEach((figure) => {
      seen.observe(figure);
      for (const control of figure.querySelectorAll("select, input")) {
        control.addEventListener("change", () => {
          const values = Object.fromEntries([...figure.querySelectorAll("select, input")]
            .map((each) => [each.name, each.type === "checkbox" ? String(each.checked) : each.value]));
          hub.state.write(figure.id, values, { anchor: figure.id });
          update(figure);
        });
      }
      hub.state.watch(figure.id, (values) => {
        for (const control of figure.querySelectorAll("select, input")) {
          const value = values[control.name];
          if (control.type === "checkbox") control.checked = value === undefined ? control.defaultChecked : value === "true";
          else if (value === undefined) control.selectedIndex = Math.max([...control.options].findIndex((o) => o.defaultSelected), 0);
          else if ([...control.options].some((o) => o.value === value)) control.value = value;
        }
        update(figure);
      });
    });
    const resized = new ResizeObserver((entries) => {
      for (const { target } of entries) drawn.get(target.closest("figure"))?.resize();
    });
    figures.forEach((figure) => { const plot = figure.querySelector(".plot"); if (plot) resized.observe(plot); });
    hub.onTheme(() => drawn.forEach((_, figure) => update(figure)));
    // figures with a static image print the image; the others may not have been drawn yet, and must fit on a page
    const printed = figures.filter((figure) => !figure.classList.contains("has-printed"));
    addEventListener("beforeprint", () => {
      isPrinting = true;
      shownScheme = document.documentElement.style.colorScheme;
      document.documentElement.style.colorScheme = "light"; // paper is white
      for (const figure of printed) {
        seen.unobserve(figure);
        if (drawn.has(figure)) update(figure); else draw(figure);
        drawn.get(figure)?.resize({ width: PAGE_WIDTH });
      }
    });
    addEventListener("afterprint", () => {
      isPrinting = false;
      document.documentElement.style.colorScheme = shownScheme;
      for (const figure of printed) {
        drawn.get(figure)?.resize({ width: "auto" });
        update(figure);
      }
    });
  };
  // deferred scripts run in order before this event, so kinds that pages register are known by then
  document.addEventListener("DOMContentLoaded", start);

  // ---- kinds that several pages use

  /** The value of a figure's control. */
  const chosen = (figure, name, otherwise) => figure.querySelector(`[name="${name}"]`)?.value ?? otherwise;
  const symbols = { model: "circle", dataset: "rect", space: "triangle" };
  // ECharts' own pin hangs above its point
  const shapes = ["circle", "rect", "triangle", "diamond", "path://M0,0L10,0L5,9Z", "arrow", "roundRect", "circle"];
  const compact = (value) => new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 }).format(value);
  const percent = (value) => `${+(value * 100).toPrecision(3)}%`;
  // ECharts' default label of a day lacks the month, so an axis of a few weeks would not show the month at all
  const dates = { year: "{yyyy}", month: "{MMM} {yyyy}", day: "{MMM} {d}" };
  const shown = (value, style) => style === "percent" ? percent(value)
    : style === "month" ? new Date(value).toLocaleDateString("en", { year: "numeric", month: "short", timeZone: "UTC" })
    : typeof value === "number" ? (Number.isInteger(value) ? value.toLocaleString("en") : String(+value.toPrecision(3))) : String(value);

  /**
   * Lines through marked points. The figure's data attributes name the columns (data-x, data-y, data-series), the
   * axes' scales (data-x-scale and data-y-scale: log, value or time), their labels and the styles of their values.
   * Points are hollow if the column that data-marked names is true.
   */
  kinds.set("lines", (rows, now, figure) => {
    const { x, y, series, marked, xScale = "value", yScale = "value", xLabel, yLabel, xStyle, yStyle } = figure.dataset;
    const groups = [...new Set(rows.map((row) => row[series]))];
    const format = (style) => style === "percent" ? percent : compact;
    return {
      grid: { left: 8, right: 24, top: groups.length > 1 ? 44 : 16, bottom: 32, containLabel: true },
      legend: groups.length > 1 ? { top: 0, left: 0, selectedMode: false, textStyle: { color: now.colors.ink }, data: groups.map(hub.name) } : undefined,
      xAxis: axis(now, { type: xScale, name: xLabel, nameLocation: "middle", nameGap: 28, scale: true, minorTick: { show: false },
        minInterval: xScale === "time" ? 864e5 : undefined, // one day, so that a single week is not divided into hours
        splitLine: { show: false }, axisLabel: { formatter: xScale === "time" ? dates : format(xStyle), hideOverlap: true } }),
      yAxis: axis(now, { type: yScale, name: now.isNarrow ? undefined : yLabel, nameLocation: "middle", nameGap: 52, nameRotate: 90,
        axisLabel: { formatter: format(yStyle) } }),
      tooltip: { trigger: "item", formatter: ({ seriesName, value }) =>
        `${seriesName}\n${xLabel}: ${shown(value[0], xStyle)}\n${yLabel}: ${shown(value[1], yStyle)}` },
      series: groups.map((group, i) => ({
        type: "line", name: hub.name(group), showAllSymbol: true, showSymbol: true, symbolSize: 6,
        symbol: symbols[group] ?? shapes[i % shapes.length],
        color: now.colors[group] ?? now.colors[`license-${group}`] ?? now.colors[`category-${(i % 8) + 1}`],
        lineStyle: { width: 2, type: ["solid", "dashed", "dotted"][Math.floor(i / 4) % 3] },
        data: rows.filter((row) => row[series] === group).map((row) => ({ value: [row[x], row[y]],
          itemStyle: row[marked] ? { color: now.colors.surface, borderWidth: 2, borderColor: now.colors.ink } : undefined })),
      })),
    };
  });

  /** Correlations: a lower triangle with a number in each cell, blue below zero and red above, as in the figures. */
  kinds.set("correlations", (rows, now, figure) => {
    const coefficient = chosen(figure, "coefficient", "pearson");
    const order = Object.keys(hub.data("names")).filter((name) => rows.some((row) => row.variable_x === name || row.variable_y === name));
    const columns = order.slice(0, -1), lines = order.slice(1);
    const cells = rows.map((row) => {
      const [first, second] = [row.variable_x, row.variable_y].sort((a, b) => order.indexOf(a) - order.indexOf(b));
      return { value: [columns.indexOf(first), lines.indexOf(second), row[coefficient] ?? "-"], row };
    });
    const ends = now.isDark ? ["#4393c3", "#20242b", "#d6604d"] : ["#2166ac", "#f7f7f7", "#b2182b"];
    return {
      grid: { left: 8, right: 8, top: 8, bottom: 64, containLabel: true },
      xAxis: axis(now, { type: "category", data: columns.map(hub.name), splitLine: { show: false }, axisLabel: { rotate: now.isNarrow ? 90 : 30, interval: 0 } }),
      yAxis: axis(now, { type: "category", data: lines.map(hub.name), inverse: true, splitLine: { show: false }, axisLabel: { interval: 0 } }),
      visualMap: { min: -1, max: 1, orient: "horizontal", left: "center", bottom: 0, precision: 1, itemHeight: now.isNarrow ? 120 : 200,
        inRange: { color: ends }, textStyle: { color: now.colors.ink }, text: ["1", "-1"], hoverLink: false },
      tooltip: { formatter: ({ data }) => `${hub.name(data.row.variable_x)} and ${hub.name(data.row.variable_y)}\n${coefficient} ${shown(data.row[coefficient])}\nn = ${shown(data.row.n)}` },
      series: [{
        type: "heatmap", data: cells, itemStyle: { borderColor: now.colors.surface, borderWidth: 2 },
        label: { show: true, fontSize: now.isNarrow ? 10 : 12, formatter: ({ data }) => typeof data.value[2] === "number" ? data.value[2].toFixed(2).replace("-", "\u2212") : "",
          color: now.colors.ink },
        emphasis: { itemStyle: { borderColor: now.colors.accent } },
      }],
    };
  });

  /** Horizontal bars, with the first row on top. data-x names the column of values, data-y the column of names. */
  kinds.set("bars", (rows, now, figure) => {
    const { x, y, xLabel, xStyle } = figure.dataset;
    return {
      grid: { left: 24, right: 56, top: 8, bottom: 32, containLabel: true }, // labels are wider than measured
      xAxis: axis(now, { type: "value", name: xLabel, nameLocation: "middle", nameGap: 28, axisLabel: { formatter: xStyle === "percent" ? percent : compact, hideOverlap: true } }),
      yAxis: axis(now, { type: "category", inverse: true, data: rows.map((row) => hub.name(row[y])), axisTick: { show: false }, splitLine: { show: false },
        axisLabel: { width: now.isNarrow ? 110 : 240, overflow: "truncate", color: now.colors.ink, interval: 0 } }),
      tooltip: { formatter: ({ name, value }) => `${name}\n${xLabel}: ${shown(value, xStyle)}` },
      series: [{
        type: "bar", data: rows.map((row) => row[x]), barMaxWidth: 22, color: now.colors[figure.dataset.color] ?? now.colors["category-1"],
        label: { show: true, position: "right", color: now.colors.ink, formatter: ({ value }) => shown(value, xStyle) },
      }],
    };
  });

  return {
    register: (kind, make) => kinds.set(kind, make),
    axis,
    update,
    theme,
    /** The ECharts instance of a figure, which is drawn first if it has not been in view. */
    of: (figure) => drawn.get(figure) ?? draw(figure),
  };
})();
