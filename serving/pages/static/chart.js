// Draws `data-chart` with uPlot: bars, or lines of bytes, over hours or days. Beside each is a table.
(() => {
  "use strict";
  const HEIGHT = 200;
  const UNITS = ["B", "kB", "MB", "GB", "TB"];
  const language = document.documentElement.lang;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const whole = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });

  function size(value) {
    let unit = 0;
    while (value >= 1000 && unit < UNITS.length - 1) [value, unit] = [value / 1000, unit + 1];
    return `${whole.format(value)} ${UNITS[unit]}`;
  }

  function stacked(rows) {
    const sums = rows[0].map(() => 0);
    return rows.map((row) => row.map((value, place) => (sums[place] += value)));
  }

  function options(told, width) {
    const time = new Intl.DateTimeFormat(
      language,
      told.daily ? { day: "numeric", month: "short" } : { hour: "2-digit", minute: "2-digit" },
    );
    const bytes = told.kind === "bytes";
    const quiet = { stroke: colour("--quiet"), grid: { stroke: colour("--chart-grid"), width: 1 }, ticks: { show: false } };
    const series = told.series.map((one, place) => {
      const ink = colour(`--series-${place + 1}`);
      return bytes
        ? { label: one.label, stroke: ink, width: 2, dash: place ? [6, 4] : undefined, points: { show: told.times.length < 3 } }
        : { label: one.label, stroke: ink, fill: ink, width: 0, paths: uPlot.paths.bars({ size: [0.8, 40] }), points: { show: false } };
    });
    const step = told.daily ? 86400 : 3600;
    const last = told.times.at(-1) ?? 0;
    return {
      width,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { range: [(told.times[0] ?? 0) - step / 2, last + step / 2] },
        y: { range: (u, low, high) => [0, Math.max(high * 1.1, 1)] },
      },
      series: [{}, ...(bytes ? series : series.reverse())],
      axes: [
        {
          ...quiet,
          space: 70,
          incrs: (told.daily ? [1, 2, 7, 14] : [1, 2, 3, 6, 12, 24]).map((one) => one * step),
          values: (u, ticks) => ticks.map((one) => time.format(one * 1000)),
        },
        { ...quiet, size: 64, values: (u, ticks) => ticks.map((one) => (bytes ? size(one) : Number.isInteger(one) ? whole.format(one) : "")) },
      ],
    };
  }

  function draw(box) {
    const told = JSON.parse(box.dataset.chart);
    const rows = told.series.map((one) => one.values);
    // What lies behind is drawn first: the highest sum of a stack.
    const data = [told.times, ...(told.kind === "bytes" ? rows : stacked(rows).reverse())];
    box.replaceChildren();
    const plot = new uPlot(options(told, box.clientWidth), data, box);
    box.plot = plot;
    return plot;
  }

  const sizes = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
      target.plot?.setSize({ width: Math.floor(contentRect.width), height: HEIGHT });
    }
  });

  function drawAll(root) {
    for (const box of root.querySelectorAll("[data-chart]")) {
      draw(box);
      sizes.observe(box);
    }
  }

  document.addEventListener("DOMContentLoaded", () => drawAll(document));
  document.addEventListener("htmx:afterSettle", (event) => drawAll(event.detail.elt));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll(document));
})();
