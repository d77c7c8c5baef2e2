// Draws every [data-chart] with ECharts in the colours of the tokens; the table under it says the same.
(() => {
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const palette = () => [1, 2, 3, 4, 5, 6].map((n) => token(`--chart-${n}`));
  const drawn = new Map();

  function axisText() {
    return { color: token("--ink-2"), fontSize: 13 * scale(), fontFamily: token("--font") };
  }
  const scale = () => parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
  const shown = (value, spec) => value == null ? "—"
    : value.toLocaleString("en", { minimumFractionDigits: spec.places, maximumFractionDigits: spec.places });

  function bars(spec, colours) {
    return spec.series.map((one, index) => ({
      type: "bar", name: one.label, data: one.values, barMaxWidth: 22 * scale(),
      itemStyle: { color: colours[index], borderRadius: 2 },
      label: { show: spec.series.length === 1, position: spec.kind === "row" ? "right" : "top", color: token("--ink"),
        fontFamily: token("--font"), fontSize: 13 * scale(), formatter: (p) => shown(p.value, spec) },
      markLine: spec.target == null || index ? undefined : target(spec),
    }));
  }

  function lines(spec, colours, room) {
    const parts = [];
    spec.series.forEach((one, index) => {
      if (one.low.length) {
        const base = { type: "line", stack: `band-${index}`, symbol: "none", silent: true, lineStyle: { opacity: 0 } };
        parts.push({ ...base, data: one.low });
        parts.push({ ...base, data: one.high.map((high, i) => high - one.low[i]),
          areaStyle: { color: colours[index], opacity: 0.16 } });
      }
      parts.push({ type: "line", name: one.label, data: one.values, symbolSize: 6, lineStyle: { width: 2, color: colours[index] },
        itemStyle: { color: colours[index] }, endLabel: { show: true, formatter: spec.series.length > 1 ? "{a}" : (p) => shown(p.value, spec), color: token("--ink"), fontFamily: token("--font"), width: room - 6, overflow: "truncate" },
        labelLayout: { moveOverlap: "shiftY" }, markLine: spec.target == null || index ? undefined : target(spec) });
    });
    return parts;
  }

  // Where the axis of values begins and ends (null: as it comes). The target stays in sight, a hair's breadth is not
  // drawn as a landslide, and no share lies above all.
  function ends(spec, range) {
    const isShare = spec.unit === "%", isAimed = spec.target != null;
    const low = isAimed ? Math.min(range.min, spec.target) : range.min, high = isAimed ? Math.max(range.max, spec.target) : range.max;
    const top = isShare && high > 90 && high <= 100 ? 100 : null;
    if (spec.kind !== "line" || !(low < range.min || high > range.max || (isShare && high - low < 1))) return [null, top];
    const slack = Math.max(isShare ? 1 : 0, (high - low) / 10);
    return [Math.max(0, Math.floor(low - slack)), top ?? Math.ceil(high + slack)];
  }

  function target(spec) {
    const at = spec.kind === "row" ? { xAxis: spec.target } : { yAxis: spec.target };
    return { symbol: "none", silent: true, lineStyle: { color: token("--signal"), type: "dashed", width: 1.5 },
      label: { formatter: spec.targetLabel, color: token("--signal"), fontFamily: token("--font"), position: { row: "end", line: "insideStartTop" }[spec.kind] ?? "insideEndTop" },
      data: [at] };
  }

  function options(spec, width) {
    const colours = palette(), room = Math.min(170, Math.max(90, width / 4)); // for the words at a line's end
    const line = { lineStyle: { color: token("--line") } };
    const names = { type: "category", data: spec.labels, axisLabel: { ...axisText(), ...(spec.kind === "row" ? { interval: 0, width: width * 0.42, overflow: "truncate" } : { hideOverlap: true }) }, axisTick: { show: false },
      axisLine: { lineStyle: { color: token("--line-strong") } }, inverse: spec.kind === "row" };
    const values = { type: "value", name: spec.unit, nameTextStyle: axisText(), axisLabel: { ...axisText(), hideOverlap: true }, splitLine: line,
      scale: spec.kind === "line", splitNumber: 4,
      min: (range) => ends(spec, range)[0], max: (range) => ends(spec, range)[1] };
    return {
      animation: false, textStyle: { fontFamily: token("--font") }, color: colours,
      grid: { left: 8, right: spec.kind === "line" ? room : 56, top: spec.series.length > 1 ? 40 : 28, bottom: 8, containLabel: true },
      legend: { show: spec.series.length > 1 && spec.kind !== "line", top: 0, left: 0, itemWidth: 12, itemHeight: 12, textStyle: axisText() },
      tooltip: { trigger: "axis", renderMode: "richText", axisPointer: { type: spec.kind === "line" ? "line" : "shadow" }, valueFormatter: (v) => shown(v, spec),
        backgroundColor: token("--paper"), borderColor: token("--line-strong"), textStyle: { color: token("--ink"), fontFamily: token("--font") } },
      xAxis: spec.kind === "row" ? values : names,
      yAxis: spec.kind === "row" ? names : values,
      series: spec.kind === "line" ? lines(spec, colours, room) : bars(spec, colours),
    };
  }

  function draw(place) {
    const spec = JSON.parse(document.getElementById(place.dataset.chart).textContent);
    if (spec.kind === "row") place.style.height = `${Math.max(120, spec.labels.length * (spec.series.length * 14 + 22) * scale() + 60)}px`;
    drawn.get(place)?.dispose();
    const chart = echarts.init(place, null, { renderer: "svg" });
    chart.setOption(options(spec, place.clientWidth));
    if (spec.links.length) chart.on("click", (event) => { location.href = spec.links[event.dataIndex]; });
    drawn.set(place, chart);
  }

  const all = () => document.querySelectorAll("[data-chart]").forEach(draw);
  document.addEventListener("DOMContentLoaded", all);
  addEventListener("resize", () => drawn.forEach((chart) => chart.resize()));
  new MutationObserver(all).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
})();
