// Charts: ECharts with the SVG renderer, in the site's colors. A chart is a <figure class="chart" id="X"
// data-chart="KIND" data-source="JSON-SCRIPT"> with a <div class="plot"> in it; KIND is registered below, or by a page's
// own script with hub.charts.register(KIND, (data, theme, figure) => option).
"use strict";

hub.charts = (() => {
  const kinds = new Map();
  const drawn = new Map();
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  const theme = () => {
    const names = ["ink", "quiet", "line", "surface", "raised", "accent", "model", "dataset", "space",
      "license-permissive", "license-restrictive", "license-none",
      ...Array.from({ length: 8 }, (_, i) => `category-${i + 1}`)];
    const colors = Object.fromEntries(names.map((name) => [name, hub.color(name)]));
    return { colors, isDark: hub.isDark(), isNarrow: innerWidth < 640, font: getComputedStyle(document.body).fontFamily };
  };

  // what all charts share; a chart's own option is laid over it, key by key
  const base = ({ colors, font }) => ({
    animation: !still.matches,
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

  /** An axis in the site's style; options are laid over it. */
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
  const update = (figure) => {
    const chart = drawn.get(figure);
    if (!chart) return;
    const now = theme();
    const option = kinds.get(figure.dataset.chart)(hub.data(figure.dataset.source), now, figure);
    const common = base(now);
    chart.setOption({ ...common, ...option, tooltip: { ...common.tooltip, ...option.tooltip } }, { notMerge: true });
    // the figure's caption and table say everything; the drawing itself is one image to a screen reader
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
  };
  // deferred scripts run in order before this event, so kinds that pages register are known by then
  document.addEventListener("DOMContentLoaded", start);

  return {
    register: (kind, make) => kinds.set(kind, make),
    axis,
    update,
    theme,
    /** The ECharts instance of a figure, drawing it first if it has not been in view. */
    of: (figure) => drawn.get(figure) ?? draw(figure),
  };
})();
