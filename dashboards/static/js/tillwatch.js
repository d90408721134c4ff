// Draws the time-series charts; everything else works without scripts.
// Data stands in <script type="application/json" data-chart> inside a <figure>.
(() => {
  "use strict";

  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function draw(figure) {
    const source = figure.querySelector("script[data-chart]");
    const place = figure.querySelector(".chart");
    if (!source || !place || !window.uPlot) return;
    const text = source.textContent;
    if (figure.dataset.drawn === text) return;
    figure.dataset.drawn = text;
    place.replaceChildren();
    const chart = JSON.parse(text);
    const span = chart.data[0][chart.data[0].length - 1] - chart.data[0][0];
    const form = span > 172800 ? { day: "numeric", month: "short" } : { hour: "2-digit", minute: "2-digit", hour12: false };
    const clock = new Intl.DateTimeFormat(undefined, form);
    const times = (_self, ticks) => ticks.map((at) => clock.format(new Date(at * 1000)));
    const axis = { stroke: token("--soft"), grid: { stroke: token("--line") }, ticks: { stroke: token("--line") } };
    const colours = chart.series.map((one) => token(one.colour));
    new window.uPlot({
      width: Math.max(280, place.clientWidth),
      height: 220,
      cursor: { sync: { key: "time" } },
      legend: { live: false },
      scales: { y: { range: (_self, low, high) => [chart.floor ?? low, Math.max(high, chart.ceiling ?? high)] } },
      axes: [{ ...axis, values: times }, { ...axis, size: 60 }],
      series: [{ label: "time" }, ...chart.series.map((one, i) => ({
        label: one.label, stroke: colours[i], width: 2, spanGaps: false,
        dash: one.dashed ? [6, 4] : undefined, points: { show: false },
      }))],
    }, chart.data, place);
  }

  const drawAll = () => document.querySelectorAll("figure[data-chart-figure]").forEach(draw);
  const redraw = () => {
    document.querySelectorAll("figure[data-chart-figure]").forEach((figure) => { figure.dataset.drawn = ""; });
    drawAll();
  };

  // Times are written in UTC; readers see their own zone, UTC stays in the tooltip.
  function localTimes() {
    for (const time of document.querySelectorAll("time[datetime]:not([data-local])")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      time.title = `${time.dateTime.replace("T", " ").replace("Z", "").slice(0, 23)} UTC`;
      const day = at.toDateString() === new Date().toDateString() ? {} : { day: "2-digit", month: "short" };
      time.textContent = at.toLocaleString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", ...day });
      time.dataset.local = "1";
    }
  }

  // What a reader has opened or typed stays when the page renews itself.
  const kept = { open: new Set(), text: new Map() };
  function keep() {
    const main = document.getElementById("main");
    kept.open = new Set(Array.from(main.querySelectorAll("details[open][id]"), (one) => one.id));
    kept.text = new Map(Array.from(main.querySelectorAll("form[action] input:not([type=hidden])"),
      (one) => [`${one.form.getAttribute("action")} ${one.name}`, one.value]));
  }
  function restore() {
    for (const id of kept.open) document.getElementById(id)?.setAttribute("open", "");
    for (const input of document.querySelectorAll("#main form[action] input:not([type=hidden])")) {
      const text = kept.text.get(`${input.form.getAttribute("action")} ${input.name}`);
      if (text && !input.value) input.value = text;
    }
  }

  const refresh = () => { drawAll(); localTimes(); };
  document.addEventListener("DOMContentLoaded", refresh);
  document.addEventListener("htmx:before:swap", keep);
  document.addEventListener("htmx:after:swap", () => { restore(); refresh(); });
  window.addEventListener("resize", redraw);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
})();
